package chart

import (
	"path/filepath"
	"strings"
	"testing"
)

const (
	backend     = "backends: [{name: a, url: 'http://h:1'}]\n"
	twoBackends = "backends: [{name: a, url: 'http://h:1'}, {name: b, url: 'http://h:2'}]\n"
)

// Values that are wrong by themselves.
func TestValuesAreRefused(t *testing.T) {
	tests := []struct {
		name, values string
		says         []string // the path of the value, and the error
	}{
		{"an unknown value", "backend: []", []string{"'backend' not allowed"}},
		{"an unknown value below another", "node: {tolerance: []}", []string{"/node", "'tolerance' not allowed"}},
		{"an unknown field of a backend", "backends: [{name: a, url: 'http://h:1', secret: x}]", []string{"/backends/0", "'secret' not allowed"}},
		{"an unknown field of an image", "resizer: {image: {repository: r, version: v1}}", []string{"/resizer/image", "'version' not allowed"}},
		{"a text for a number", "logging: {verbosity: high}", []string{"/logging/verbosity", "want integer"}},
		{"a number for a text", "driverName: 7", []string{"/driverName", "want string"}},
		{"a text for a switch", "metrics: {enabled: 'yes'}", []string{"/metrics/enabled", "want boolean"}},
		{"one for a list", "backends: {name: a, url: 'http://h:1'}", []string{"/backends", "want array"}},
		{"a backend without name", "backends: [{url: 'http://h:1'}]", []string{"/backends/0", "missing property 'name'"}},
		{"a backend without address", "backends: [{name: a}]", []string{"/backends/0", "missing property 'url'"}},
		{"a backend's name that cannot begin a handle", "backends: [{name: A/b, url: 'http://h:1'}]", []string{"/backends/0/name", "does not match"}},
		{"Heketi's other user", "backends: [{name: a, url: 'http://h:1', user: user}]", []string{"/backends/0/user", "admin"}},
		{"a key of which nothing is left", "backends: [{name: a, url: 'http://h:1', key: \"\\n\"}]", []string{"/backends/0/key"}},
		{"a file name for an authority", "backends: [{name: a, url: 'http://h:1', caBundle: /ca.crt}]", []string{"/backends/0/caBundle", "CERTIFICATE"}},
		{"half an authority", "backends: [{name: a, url: 'http://h:1', caBundle: '-----BEGIN CERTIFICATE-----'}]", []string{"/backends/0/caBundle", "END"}},
		{"too much in flight", "backends: [{name: a, url: 'http://h:1', maxInFlight: 1000}]", []string{"/backends/0/maxInFlight", "256"}},
		{"a boolean as a parameter", backend + "storageClasses: [{name: c, parameters: {arbiter: true}}]", []string{"/storageClasses/0/parameters/arbiter", "want string"}},
		{"an unknown reclaim policy", backend + "storageClasses: [{name: c, reclaimPolicy: Recycle}]", []string{"/storageClasses/0/reclaimPolicy"}},
		{"an unknown group policy", "fsGroupPolicy: Always", []string{"/fsGroupPolicy"}},
		{"off without quotes", "gidAnnotation: off", []string{"/gidAnnotation"}},
		{"a relative directory", "kubeletDir: var/lib/kubelet", []string{"/kubeletDir"}},
		{"a time without unit", "provisioner: {timeout: '300'}", []string{"/provisioner/timeout"}},
		{"a port that is none", "node: {healthPort: 70000}", []string{"/node/healthPort", "65,535"}},
		{"TLS with glusterd and no certificate", "node: {tls: {managementEncryption: true}}", []string{"/node/tls/existingSecret", "minLength"}},
		{"servers that are an option", "node: {allowedServers: ['--x']}", []string{"/node/allowedServers/0", "does not match"}},
		{"two servers in one", "node: {allowedServers: ['a,b']}", []string{"/node/allowedServers/0", "does not match"}},
		{"a backend for a cluster", "node: {clusterServers: {production: [a]}}", []string{"/node/clusterServers", "'production' not allowed"}},
		{"a cluster without servers", "node: {clusterServers: {630372ccdc720a92c681fb928f27b53f: []}}", []string{"/node/clusterServers/630372ccdc720a92c681fb928f27b53f", "minItems"}},
		{"fewer volumes than none", "node: {maxVolumesPerNode: -1}", []string{"/node/maxVolumesPerNode", "minimum"}},
		{"a server that is an option", "node: {clusterServers: {630372ccdc720a92c681fb928f27b53f: [--x]}}", []string{"/node/clusterServers/630372ccdc720a92c681fb928f27b53f/0", "does not match"}},
		{"a path for a Secret", "node: {tls: {existingSecret: /etc/ssl}}", []string{"/node/tls/existingSecret", "does not match"}},
		{"a tag for a digest", "node: {image: {repository: r, digest: v1}}", []string{"/node/image/digest"}},
		{"a runbook with an anchor", "metrics: {prometheusRule: {runbookURL: 'https://h/page#'}}", []string{"/metrics/prometheusRule/runbookURL", "does not match"}},
		{"a group of all nodes", "node: {groups: [{name: a, nodeSelector: {}}]}", []string{"/node/groups/0/nodeSelector", "minProperties"}},
		{"a group of nodes with two labels", "node: {groups: [{name: a, nodeSelector: {x: a, z: b}}]}", []string{"/node/groups/0/nodeSelector", "maxProperties"}},
		{"a group with a long name", "node: {groups: [{name: a-very-long-name, nodeSelector: {x: a}}]}", []string{"/node/groups/0/name", "does not match"}},
		{"a quota for less than the driver", "resourceQuota: {pods: 1}", []string{"/resourceQuota/pods", "minimum"}},
		{"an unknown resource field", "node: {resources: {request: {cpu: 1}}}", []string{"/node/resources", "'request' not allowed"}},
		{"an amount that is none", "node: {resources: {limits: {memory: much}}}", []string{"/node/resources/limits/memory"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.values, tt.says...) })
	}
}

// refused renders the values, and expects an error that contains all these parts, but not "hidden", which stands for a secret in
// the values.
func refused(t *testing.T, values string, says ...string) {
	t.Helper()
	said, err := template(t, values)
	checkRefusal(t, said, err, values, says)
}

func checkRefusal(t *testing.T, said string, err error, values string, says []string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted: %s", values)
	}
	if strings.Contains(said, "hidden") {
		t.Errorf("%q shows a secret", said)
	}
	for _, part := range says {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}

// template returns helm's output for the values.
func template(t *testing.T, values string) (string, error) {
	t.Helper()
	return templateOf(t, chartDir, values)
}

func templateOf(t *testing.T, chart, values string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "values.yaml")
	write(t, path, values)
	return helm(t, "template", filepath.Base(chart), chart, "--values", path)
}
