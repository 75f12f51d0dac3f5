package chart

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/orphans"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// With these values, the driver would not start, or its classes could not create volumes.
func TestWhatTheDriverWouldRefuse(t *testing.T) {
	class := func(parameters string) string { return "storageClasses: [{name: c, parameters: {" + parameters + "}}]" }
	const inC = "storageClasses[0] (c).parameters: "
	tests := []struct {
		name, values string
		says         []string
	}{
		{"two backends of one name", "backends: [{name: a, url: 'http://h:1'}, {name: a, url: 'http://h:2'}]", []string{`backends[1].name: "a"`, "of backends[0]"}},
		{"two backends of one address", "backends: [{name: a, url: 'http://h'}, {name: b, url: 'HTTP://H:80/'}]", []string{`backends[1].url: "HTTP://H:80/"`, "of backends[0]"}},
		{"the same with TLS", "backends: [{name: a, url: 'https://h:443'}, {name: b, url: 'https://h//'}]", []string{"backends[1].url", "of backends[0]"}},
		{"two keys for a backend", "backends: [{name: a, url: 'http://h:1', key: k, existingSecret: {name: s}}]", []string{`backends[0]: "a" has both key and existingSecret`}},
		{"orphans too often", backend + "controller: {reportOrphans: 5s}", []string{"controller.reportOrphans: 5s", "at least 10m", "6h"}},
		{"room asked for without pause", backend + "storageCapacity: {pollInterval: 0s}", []string{"storageCapacity.pollInterval: 0s", "at least 1s"}},
		{"no time for a creation", backend + "provisioner: {timeout: 0m0s}", []string{"provisioner.timeout: 0m0s", "at least 1s"}},
		{"no time for an expansion", backend + "resizer: {timeout: 0h}", []string{"resizer.timeout: 0h", "at least 1s"}},
		{"a time longer than a life", backend + "resizer: {timeout: 9999999h}", []string{"invalid duration"}},
		{"one port for two servers", "metrics: {enabled: true}\nnode: {metricsPort: 29680}", []string{"node.metricsPort: 29680 is node.healthPort"}},
		{"alerts without metrics", "metrics: {prometheusRule: {enabled: true}}", []string{"metrics.prometheusRule.enabled", "set metrics.enabled"}},
		{"a dashboard without metrics", "metrics: {dashboard: {enabled: true}}", []string{"metrics.dashboard.enabled", "set metrics.enabled"}},
		{"two groups of one name", "node: {groups: [{name: a, nodeSelector: {x: one}}, {name: a, nodeSelector: {x: two}}]}", []string{`node.groups[1].name: "a" is the name of node.groups[0], too`}},
		{"two groups of the same nodes", "node: {groups: [{name: a, nodeSelector: {x: one}}, {name: b, nodeSelector: {x: one}}]}", []string{"node.groups[1].nodeSelector: x=one selects the nodes of node.groups[0]"}},
		{"a group that all nodes exclude", "node: {nodeSelector: {x: two}, groups: [{name: a, nodeSelector: {x: one}}]}", []string{"node.groups[0].nodeSelector: x=one contradicts x=two"}},
		{"a group of another system", "node: {groups: [{name: a, nodeSelector: {kubernetes.io/os: windows}}]}", []string{"node.groups[0].nodeSelector: kubernetes.io/os=windows contradicts kubernetes.io/os=linux"}},
		{"no time for a busy client", "node: {hungClientLimit: 9s}", []string{"node.hungClientLimit: 9s", "at least 10s"}},
		{"no memory for a client", "client: {memoryLimit: 64M}", []string{"client.memoryLimit: 64M", "at least 64Mi"}},
		{"two default classes", backend + "storageClasses: [{name: c, default: true}, {name: d, default: true}]", []string{"c and d", "mark one"}},
		{"a class and no Heketi", "storageClasses: [{name: c}]", []string{"backends is empty"}},
		{"a parameter that is misspelt", backend + class("volumtype: none"), []string{inC + `"volumtype" is not a known parameter`, "volumeoptions or volumetype?", "docs/parameters.md"}},
		{"a parameter that is nothing like one", backend + class("xyz: none"), []string{inC + `"xyz" is not a known parameter; docs/parameters.md`}},
		{"a parameter twice", backend + class("gidMin: '2000', gidmin: '3000'"), []string{inC + `"gidmin" is given twice`}},
		{"an unknown backend", backend + class("backend: b"), []string{inC + `backend: "b" is not in backends; there are a`}},
		{"an unknown address", twoBackends + class("resturl: 'http://h:3'"), []string{inC + `resturl: "http://h:3"`, "there are http://h:1, http://h:2"}},
		{"none of several backends", twoBackends + "storageClasses: [{name: c}]", []string{inC + "backend is missing", "a, b", "delete it"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.values, tt.says...) })
	}
}

// Accepted values that are close to refused ones.
func TestWhatTheDriverTakes(t *testing.T) {
	for name, values := range map[string]string{
		"one port for one server":     "node: {metricsPort: 29680}",
		"a group of one of the nodes": "node: {nodeSelector: {x: one}, groups: [{name: a, nodeSelector: {y: two}}]}",
		"hung clients for ever":       "node: {hungClientLimit: 0s}",
		"little time and memory":      "node: {hungClientLimit: 10s}\nclient: {memoryLimit: 64Mi}",
		"no orphans":                  backend + "controller: {reportOrphans: ''}",
		"no room and no pause":        backend + "storageCapacity: {enabled: false, pollInterval: 0s}",
		"a class without parameters":  backend + "storageClasses: [{name: c}]",
		"other letter case":           backend + "storageClasses: [{name: c, parameters: {VOLUMETYPE: none, Backend: a}}]",
		"credentials of a class":      backend + "storageClasses: [{name: c, parameters: {restUser: joe, restuserkey: My Secret Life}}]",
		"a password in an address":    twoBackends + "storageClasses: [{name: c, parameters: {resturl: 'http://joe:hidden@h:2'}}]",
		"keys of Kubernetes":          backend + "storageClasses: [{name: c, parameters: {csi.storage.k8s.io/provisioner-secret-name: s}}]",
		"another spelling":            twoBackends + "storageClasses: [{name: c, parameters: {resturl: 'HTTP://H:2/'}}]",
	} {
		t.Run(name, func(t *testing.T) {
			if said, err := template(t, values); err != nil {
				t.Error(said)
			}
		})
	}
}

// TestParametersAreTheDrivers: the chart's list of parameters is spelt as in docs/parameters.md, which lists the driver's
// parameters.
func TestParametersAreTheDrivers(t *testing.T) {
	_, list, _ := strings.Cut(read(t, root+"/charts/glusterfs-csi/templates/_validate.tpl"), `define "glusterfs-csi.parameterNames" -}}`)
	list, _, found := strings.Cut(list, "{{- end -}}")
	if !found {
		t.Fatal("_validate.tpl has no list of parameters")
	}
	charts := regexp.MustCompile(`[A-Za-z]+`).FindAllString(list, -1)
	_, table, _ := strings.Cut(read(t, root+"/docs/parameters.md"), "## StorageClass `parameters`\n")
	table, _, _ = strings.Cut(table, "\n`replicate` alone")
	var documented []string
	for line := range strings.Lines(table) {
		if cell, _, _ := strings.Cut(line, " | "); strings.HasPrefix(cell, "| `") {
			documented = append(documented, strings.Split(strings.Trim(cell, "| `"), "`, `")...)
		}
	}
	slices.Sort(documented)
	slices.Sort(charts)
	if diff := cmp.Diff(documented, charts); diff != "" {
		t.Errorf("parameters of docs/parameters.md (-) and of the chart (+):\n%s", diff)
	}
}

func TestAddressesAreTheDrivers(t *testing.T) {
	for _, url := range []string{
		"http://heketi:8080", "http://heketi:8080/", "HTTP://HEKETI:80", "https://heketi:443//", "https://10.0.0.1", "http://[fd00::1]:8080/",
		"", "heketi", "heketi:8080", "10.0.0.1:8080", "ftp://heketi", "http://", "http://:8080", "http://heketi/api", "http://heketi?x=1",
		"http://heketi#x", "http://heketi:port", "http://he ki", "http://[fd00::1", "http://fd00::1", "x http://heketi",
		"http://user:hidden@heketi:8080", "http://user:hidden/1@heketi", "http://user:hidden%zz@heketi",
	} {
		_, wrong := volume.NormalizeURL("url", url)
		values := fmt.Sprintf("backends: [{name: a, url: %q}]\nnetworkPolicy: {enabled: true}", url)
		if wrong != nil {
			refused(t, values, "backends[0].url: ", "without path, query or credentials")
		} else if said, err := template(t, values); err != nil {
			t.Errorf("%q: the driver accepts it, helm says %s", url, said)
		}
	}
}

func TestOrphansAreReportedAsOftenAsTheDriverCan(t *testing.T) {
	values := backend + "controller: {reportOrphans: %s}"
	if said, err := template(t, fmt.Sprintf(values, orphans.ConfirmAfter)); err != nil {
		t.Error(said)
	}
	refused(t, fmt.Sprintf(values, orphans.ConfirmAfter-time.Second), "controller.reportOrphans")
}
