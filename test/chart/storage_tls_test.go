package chart

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestAllSpeakTLSWithHeketi: with heketi.tls, each client container of Heketi has an https URL and the authority; without it,
// none has either.
func TestAllSpeakTLSWithHeketi(t *testing.T) {
	for _, r := range storageRenderings() {
		scheme, tls := "http", r.name == "everything"
		if tls {
			scheme = "https"
		}
		var asking []string
		for _, c := range containers(t, r) {
			urls := strings.Join(slices.DeleteFunc(append(texts(c.spec, "args"), environment(c)...), func(s string) bool { return !strings.Contains(s, "://") }), " ")
			if strings.Contains(urls, ":8080") {
				asking = append(asking, c.component+"/"+c.name)
				if strings.Contains(urls, "=https://") != tls || strings.Contains(urls, "=http://") == tls {
					t.Errorf("%s: %s/%s asks %s", r.name, c.component, c.name, urls)
				}
				if slices.Contains(environment(c), "SSL_CERT_FILE=/etc/heketi-tls/ca.crt") != tls {
					t.Errorf("%s: %s/%s has the environment %q", r.name, c.component, c.name, environment(c))
				}
				if mounts := names(c.spec, "volumeMounts"); slices.Contains(mounts, "tls") != tls || slices.Contains(names(c.pod, "volumes"), "tls") != tls {
					t.Errorf("%s: %s/%s mounts %q, and the pod has %q", r.name, c.component, c.name, mounts, names(c.pod, "volumes"))
				}
			}
			for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
				if got, found, _ := unstructured.NestedString(c.spec, probe, "httpGet", "scheme"); found && got != strings.ToUpper(scheme) {
					t.Errorf("%s: the %s of %s is %s", r.name, probe, c.name, got)
				}
				if command := strings.Join(probeCommand(c, probe), " "); command != "" && !strings.Contains(command, "="+scheme+"://localhost:8080") {
					t.Errorf("%s: the %s of %s is %s", r.name, probe, c.name, command)
				}
			}
		}
		want := []string{"heketi-backup/backup", "heketi/backup", "heketi/heketi", "setup/setup", "storage-teardown/teardown"}
		for i := range asking {
			if strings.HasPrefix(asking[i], "setup-") {
				asking[i] = "setup/setup" // its name contains a hash
			}
		}
		slices.Sort(asking)
		if r.name == "without-driver" {
			want = slices.DeleteFunc(want, func(s string) bool { return s == "heketi-backup/backup" }) // this rendering has no schedule
		}
		if !slices.Equal(asking, want) {
			t.Errorf("%s: Heketi is asked by %q, want %q", r.name, asking, want)
		}
	}
}

// probeCommand returns the command of a probe that runs in the container.
func probeCommand(c container, probe string) []string {
	command, _, _ := unstructured.NestedStringSlice(c.spec, probe, "exec", "command")
	return command
}

// texts returns a list of strings in an object.
func texts(object map[string]any, field string) []string {
	list, _, _ := unstructured.NestedStringSlice(object, field)
	return list
}

// names returns the names of the items of a list.
func names(object map[string]any, field string) []string {
	list, _, _ := unstructured.NestedSlice(object, field)
	all := make([]string, 0, len(list))
	for _, item := range list {
		name, _ := item.(map[string]any)["name"].(string)
		all = append(all, name)
	}
	return all
}

// environment returns the variables of a container whose values are in the manifest.
func environment(c container) []string {
	list, _, _ := unstructured.NestedSlice(c.spec, "env")
	var all []string
	for _, item := range list {
		variable := item.(map[string]any)
		if value, ok := variable["value"].(string); ok {
			all = append(all, variable["name"].(string)+"="+value)
		}
	}
	return all
}
