package chart

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The privileges of each container with the default values, so that reviewers see each change.
func TestGoldenPrivileges(t *testing.T) {
	for _, r := range []rendering{renderings()[0], storageRenderings()[0]} {
		file := filepath.Join(filepath.Dir(r.golden()), "privileges.txt")
		t.Run(file, func(t *testing.T) { checkPrivileges(t, r, file) })
	}
}

func checkPrivileges(t *testing.T, r rendering, file string) {
	t.Helper()
	var got bytes.Buffer
	for _, c := range containers(t, r) {
		fmt.Fprintf(&got, "%s/%s\n", c.component, c.name)
		for _, field := range []string{"hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken", "serviceAccountName", "securityContext"} {
			printPart(t, &got, "pod "+field, c.pod[field])
		}
		printPart(t, &got, "securityContext", c.spec["securityContext"])
		printPart(t, &got, "ports", c.spec["ports"])
		for _, mount := range c.mounts(t) {
			fmt.Fprintf(&got, "  mount %s\n", mount)
		}
	}
	t.Logf("%s", &got)
	if *update {
		write(t, file, got.String())
		return
	}
	if diff := cmp.Diff(read(t, file), got.String()); diff != "" {
		t.Errorf("What containers may do has changed (make chart-golden accepts that):\n%s", diff)
	}
}

func printPart(t *testing.T, out *bytes.Buffer, name string, value any) {
	t.Helper()
	if value == nil {
		return
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) == 1 {
		fmt.Fprintf(out, "  %s: %s\n", name, lines[0])
		return
	}
	fmt.Fprintf(out, "  %s:\n    %s\n", name, strings.Join(lines, "\n    "))
}

// mounts returns a line for each mount: path, source, and how it is mounted.
func (c container) mounts(t *testing.T) []string {
	t.Helper()
	sources := map[string]string{}
	for _, volume := range dig(t, c.pod, "volumes").([]any) {
		fields := volume.(map[string]any)
		for kind, source := range fields {
			if kind == "name" {
				continue
			}
			about := []string{kind} // the parts of a projected volume are in the other golden files
			for _, field := range []string{"path", "medium", "sizeLimit", "secretName"} {
				if value, found, _ := unstructured.NestedString(source.(map[string]any), field); found {
					about = append(about, value)
				}
			}
			sources[fields["name"].(string)] = strings.Join(about, " ")
		}
	}
	mounts := dig(t, c.spec, "volumeMounts").([]any)
	list := make([]string, 0, len(mounts))
	for _, mount := range mounts {
		fields := mount.(map[string]any)
		how := "writable"
		if fields["readOnly"] == true {
			how = "read-only"
		}
		if propagation, found := fields["mountPropagation"]; found {
			how += ", " + propagation.(string)
		}
		list = append(list, fmt.Sprintf("%s from %s: %s", fields["mountPath"], sources[fields["name"].(string)], how))
	}
	slices.Sort(list)
	return list
}

// The space for a container's writes is limited with any values.
func TestEmptyDirsHaveALimit(t *testing.T) {
	for _, r := range slices.Concat(renderings(), storageRenderings()) {
		for _, c := range containers(t, r) {
			for _, volume := range dig(t, c.pod, "volumes").([]any) {
				fields := volume.(map[string]any)
				if empty, found := fields["emptyDir"].(map[string]any); found && empty["sizeLimit"] == nil {
					t.Errorf("%s: %s of the %s has no sizeLimit", r.name, fields["name"], c.component)
				}
			}
		}
	}
}

// GlusterFS clients write a dump to /run/gluster if a process in a pod requests one, so they must not be able to write there.
func TestClientsWriteNoDumps(t *testing.T) {
	for _, r := range renderings() {
		for _, c := range containers(t, r) {
			if c.component != "node" || c.name != "glusterfs-csi" {
				continue
			}
			if !slices.ContainsFunc(c.mounts(t), func(mount string) bool {
				return strings.HasPrefix(mount, "/run/gluster from emptyDir ") && strings.HasSuffix(mount, ": read-only")
			}) {
				t.Errorf("%s: /run/gluster can be written: %q", r.name, c.mounts(t))
			}
		}
	}
}
