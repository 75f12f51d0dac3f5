package chart

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// container is a container of a rendered pod template.
type container struct {
	component, name string
	owner           string // name of the object that makes its pods
	spec            map[string]any
	pod             map[string]any
}

func containers(t *testing.T, r rendering) []container {
	t.Helper()
	var list []container
	for _, object := range objects(t, r.render(t)) {
		template := podTemplate(object)
		if template == nil {
			continue
		}
		pod := dig(t, template, "spec").(map[string]any)
		component := strings.TrimPrefix(object.GetName(), "glusterfs-csi-")
		if strings.HasPrefix(component, "node-") { // of a group
			component = "node"
		}
		for _, field := range []string{"initContainers", "containers"} {
			specs, _, _ := unstructured.NestedSlice(pod, field)
			for _, spec := range specs {
				fields := spec.(map[string]any)
				list = append(list, container{component, fields["name"].(string), object.GetName(), fields, pod})
			}
		}
	}
	return list
}

// podTemplate returns the pod template of an object, or nil if the object has none.
func podTemplate(object *unstructured.Unstructured) map[string]any {
	for _, path := range [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}} {
		if template, found, _ := unstructured.NestedMap(object.Object, path...); found {
			return template
		}
	}
	return nil
}

func (c container) args() []string {
	list := c.spec["args"].([]any)
	args := make([]string, 0, len(list))
	for _, arg := range list {
		args = append(args, arg.(string))
	}
	return args
}

// Every container except the one that mounts is as restricted as possible.
func TestContainersAreRestricted(t *testing.T) {
	for _, r := range renderings() {
		for _, c := range containers(t, r) {
			t.Run(strings.Join([]string{r.name, c.owner, c.name}, "/"), func(t *testing.T) {
				context := dig(t, c.spec, "securityContext").(map[string]any)
				if context["readOnlyRootFilesystem"] != true {
					t.Error("may write to its root file system")
				}
				if c.component == "node" && c.name == "glusterfs-csi" {
					return // privileged, for the propagation of its mounts
				}
				if context["privileged"] != nil || context["allowPrivilegeEscalation"] != false {
					t.Errorf("may get privileges: %v", context)
				}
				if drop, _, _ := unstructured.NestedStringSlice(context, "capabilities", "drop"); !slices.Equal(drop, []string{"ALL"}) {
					t.Errorf("keeps capabilities: %v", context)
				}
				profile := context
				if c.component == "controller" {
					profile = dig(t, c.pod, "securityContext").(map[string]any)
					if profile["runAsNonRoot"] != true {
						t.Error("may run as root")
					}
				}
				if kind, _, _ := unstructured.NestedString(profile, "seccompProfile", "type"); kind != "RuntimeDefault" {
					t.Errorf("has no seccomp profile: %v", profile)
				}
			})
		}
	}
}

// The probes check the process itself, and not a socket that another program may hold up.
func TestProbesAreServed(t *testing.T) {
	for _, r := range renderings() {
		served := map[string]string{} // port, by the owner of the pod
		for _, c := range containers(t, r) {
			for _, arg := range c.args() {
				for _, flag := range []string{"--health-address=", "--http-endpoint="} {
					if address, is := strings.CutPrefix(arg, flag); is && (c.name == "glusterfs-csi" || c.name == "liveness-probe") {
						if served[c.owner] != "" {
							t.Errorf("%s: two containers of the %s serve health", r.name, c.component)
						}
						served[c.owner] = address[strings.LastIndex(address, ":")+1:]
					}
				}
			}
		}
		for _, c := range containers(t, r) {
			for field := range c.spec {
				if !strings.HasSuffix(field, "Probe") {
					continue
				}
				if got := dig(t, c.spec, field, "httpGet", "path"); got != "/healthz" {
					t.Errorf("%s: %s of the %s asks for %v", r.name, field, c.component, got)
				}
				if got := dig(t, c.spec, field, "httpGet", "port"); got != "health" {
					t.Errorf("%s: %s of the %s asks port %v", r.name, field, c.component, got)
				}
				if port := healthPort(c); port != served[c.owner] {
					t.Errorf("%s: the %s is asked on port %s, and answers on %q", r.name, c.component, port, served[c.owner])
				}
			}
		}
	}
}

func healthPort(c container) string {
	for _, port := range c.spec["ports"].([]any) {
		if fields := port.(map[string]any); fields["name"] == "health" {
			return fmt.Sprint(fields["containerPort"])
		}
	}
	return ""
}

// The driver accepts each flag that the chart gives it.
func TestFlagsAreKnown(t *testing.T) {
	driver := needs.Built(t, root, "glusterfs-csi", "build")
	known := map[string]string{}
	for _, component := range []string{"controller", "node"} {
		out, err := exec.CommandContext(t.Context(), driver, component, "--help").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		known[component] = string(out)
	}
	for _, r := range renderings() {
		for _, c := range containers(t, r) {
			if c.name != "glusterfs-csi" {
				continue
			}
			args := c.args()
			if args[0] != c.component {
				t.Errorf("%s: the %s runs %s", r.name, c.component, args[0])
			}
			for _, arg := range args[1:] {
				flag, _, _ := strings.Cut(arg, "=")
				if !regexp.MustCompile(`(^|[ ,])` + flag + `[ ,]`).MatchString(known[c.component]) {
					t.Errorf("%s: the %s does not know %s", r.name, c.component, flag)
				}
			}
		}
	}
}
