package chart

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Every container except the GlusterFS servers is as restricted as possible.
func TestStorageContainersAreRestricted(t *testing.T) {
	for _, r := range storageRenderings() {
		for _, c := range containers(t, r) {
			t.Run(strings.Join([]string{r.name, c.component, c.name}, "/"), func(t *testing.T) {
				context := dig(t, c.spec, "securityContext").(map[string]any)
				if c.component == "glusterfs" {
					if c.pod["hostPID"] != nil || c.pod["shareProcessNamespace"] != nil {
						t.Error("the first process of the container would not be number 1")
					}
					if c.pod["automountServiceAccountToken"] != false {
						t.Error("has a token, and asks Kubernetes for nothing")
					}
					return // privileged, for the node's devices
				}
				if context["readOnlyRootFilesystem"] != true {
					t.Error("may write to its root file system")
				}
				if context["privileged"] != nil || context["allowPrivilegeEscalation"] != false {
					t.Errorf("may get privileges: %v", context)
				}
				if drop, _, _ := unstructured.NestedStringSlice(context, "capabilities", "drop"); !slices.Equal(drop, []string{"ALL"}) {
					t.Errorf("keeps capabilities: %v", context)
				}
				pod := dig(t, c.pod, "securityContext").(map[string]any)
				if pod["runAsNonRoot"] != true || pod["runAsUser"] != 65532.0 {
					t.Errorf("may run as root: %v", pod)
				}
				if kind, _, _ := unstructured.NestedString(pod, "seccompProfile", "type"); kind != "RuntimeDefault" {
					t.Errorf("has no seccomp profile: %v", pod)
				}
				if c.pod["hostNetwork"] != nil || c.pod["hostPID"] != nil {
					t.Error("is in a namespace of the node")
				}
			})
		}
	}
}

// A restart of the server's container ends the node's bricks. Only the process itself may cause a restart.
func TestServersAreRestartedForThemselvesOnly(t *testing.T) {
	for _, r := range storageRenderings() {
		for _, c := range containers(t, r) {
			if c.component != "glusterfs" {
				continue
			}
			for probe, want := range map[string]string{"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"} {
				if got := dig(t, c.spec, probe, "httpGet", "path"); got != want {
					t.Errorf("%s: %s asks for %v, want %s", r.name, probe, got, want)
				}
				if got := dig(t, c.spec, probe, "httpGet", "host"); got != "127.0.0.1" {
					t.Errorf("%s: %s asks %v", r.name, probe, got)
				}
				if port := healthPort(c); !slices.Contains(c.args(), "--health-port="+port) {
					t.Errorf("%s: %s asks port %s of %q", r.name, probe, port, c.args())
				}
			}
		}
	}
}

// Heketi also answers requests while it cannot change its database, which lasts until it is started again. An answer is therefore
// not enough for its liveness probe. One failure does not end the operations of a Heketi that was only slow.
func TestHeketiIsRestartedForItsDatabase(t *testing.T) {
	for _, r := range storageRenderings() {
		for _, c := range containers(t, r) {
			if c.name != "heketi" {
				continue
			}
			if command := probeCommand(c, "livenessProbe"); len(command) < 2 || command[0] != "/glusterfs-storage" || command[1] != "probe" {
				t.Errorf("%s: the liveness probe runs %q", r.name, command)
			}
			if got := dig(t, c.spec, "livenessProbe", "failureThreshold").(float64); got < 2 {
				t.Errorf("%s: Heketi is restarted after %v failures", r.name, got)
			}
		}
	}
}

// glusterfs-storage accepts each flag that the chart gives it.
func TestStorageFlagsAreKnown(t *testing.T) {
	program := filepath.Join(t.TempDir(), "glusterfs-storage")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/glusterfs-storage")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	known := map[string]string{}
	for _, command := range []string{"gluster", "setup", "backup", "restore", "teardown", "probe"} {
		out, err := exec.CommandContext(t.Context(), program, command, "--help").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		known[command] = string(out)
	}
	for _, r := range storageRenderings() {
		for _, c := range containers(t, r) {
			args := c.args()
			if c.name == "heketi" { // another program, with a probe by glusterfs-storage
				args = probeCommand(c, "livenessProbe")[1:]
			}
			for _, arg := range args[1:] {
				flag, _, _ := strings.Cut(arg, "=")
				if !regexp.MustCompile(`(^|[ ,])` + flag + `[ ,]`).MatchString(known[args[0]]) {
					t.Errorf("%s: glusterfs-storage %s does not know %s", r.name, args[0], flag)
				}
			}
		}
	}
}
