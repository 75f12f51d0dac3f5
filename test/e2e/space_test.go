package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// patience is the time limit for one step of Kubernetes, Heketi and gluster while other tests keep them busy.
const patience = "--timeout=2m"

// schedulersPatience is the time limit for the start of a pod. The scheduler sometimes misses that a claim was bound (seen with
// Kubernetes 1.33), and tries again after five minutes.
const schedulersPatience = "--timeout=7m"

// space is the namespace of one test. It is deleted when the test ends, with the volumes of its claims.
type space struct {
	*testing.T
	namespace string
}

func newSpace(t *testing.T, name string) *space {
	t.Helper()
	s := &space{T: t, namespace: name}
	kubectl(t, "create", "namespace", name)
	t.Cleanup(func() {
		if t.Failed() {
			s.explain()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		if _, err := cluster.Kubectl(ctx, "delete", "namespace", name, patience); err != nil {
			t.Error(err)
		}
		if _, err := cluster.Kubectl(ctx, "delete", "pv", "--selector=e2e="+name, patience); err != nil {
			t.Error(err)
		}
		eventuallyGone(ctx, t, name)
	})
	return s
}

// eventuallyGone waits until the PersistentVolumes of a namespace are gone. Without the driver, their gluster volumes would stay.
func eventuallyGone(ctx context.Context, t *testing.T, namespace string) {
	t.Helper()
	eventually(t, func() error {
		out, err := cluster.Kubectl(ctx, "get", "pv", "-o", `jsonpath={range .items[?(@.spec.claimRef.namespace=="`+namespace+`")]}{.metadata.name} {end}`)
		if err == nil && out != "" {
			err = errors.New("volumes are left: " + out)
		}
		return err
	})
}

// explain logs the state that a person would look at.
func (s *space) explain() {
	for _, args := range [][]string{
		{"get", "pvc,pod", "--output=wide"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, err := cluster.Kubectl(context.Background(), append(args, "--namespace="+s.namespace)...)
		s.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// try runs kubectl in the namespace.
func (s *space) try(args ...string) (string, error) {
	return cluster.Kubectl(s.Context(), append([]string{"--namespace=" + s.namespace}, args...)...)
}

func (s *space) kubectl(args ...string) string {
	s.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// apply gives manifests to "kubectl apply" in the namespace.
func (s *space) apply(manifests string) {
	s.Helper()
	cmd := cluster.Command(s.Context(), "kubectl", "--namespace="+s.namespace, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("kubectl apply: %v\n%s\n%s", err, out, manifests)
	}
}

// class applies a StorageClass, which has no namespace and ends with the test.
func (s *space) class(manifest string) {
	s.Helper()
	up(s.T, manifest, "")
}

// in runs a shell command in a pod, and returns its output.
func (s *space) in(pod, command string) string {
	s.Helper()
	return s.kubectl("exec", pod, "--", "sh", "-c", command)
}

// inFails runs a shell command that must fail, and returns its output.
func (s *space) inFails(pod, command string) string {
	s.Helper()
	out, err := s.try("exec", pod, "--", "sh", "-c", command)
	if err == nil {
		s.Fatalf("in pod %s, %q succeeds: %s", pod, command, out)
	}
	return err.Error()
}

// running waits for pods.
func (s *space) running(pods ...string) {
	s.Helper()
	for _, pod := range pods {
		if _, err := s.try("wait", "--for=condition=Ready", schedulersPatience, "pod/"+pod); err != nil {
			s.Fatalf("%v\n%s", err, s.kubectl("describe", "pod", pod))
		}
	}
}

// volume is a PersistentVolume.
type volume struct {
	Metadata struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		StorageClassName string            `json:"storageClassName"`
		Capacity         map[string]string `json:"capacity"`
		MountOptions     []string          `json:"mountOptions"`
		CSI              struct {
			VolumeHandle     string            `json:"volumeHandle"`
			VolumeAttributes map[string]string `json:"volumeAttributes"`
		} `json:"csi"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

// gluster returns the name of the gluster volume.
func (v volume) gluster() string { return v.Spec.CSI.VolumeAttributes["volume"] }

// bound waits until a claim is bound, and returns its volume.
func (s *space) bound(claim string) volume {
	s.Helper()
	if _, err := s.try("wait", "--for=jsonpath={.status.phase}=Bound", patience, "pvc/"+claim); err != nil {
		s.Fatalf("%v\n%s", err, s.kubectl("describe", "pvc", claim))
	}
	return s.volume(s.kubectl("get", "pvc", claim, "-o", "jsonpath={.spec.volumeName}"))
}

func (s *space) volume(name string) volume {
	s.Helper()
	var v volume
	if err := json.Unmarshal([]byte(s.kubectl("get", "pv", name, "-o", "json")), &v); err != nil {
		s.Fatal(err)
	}
	return v
}

// grown waits until a claim that a pod uses shows a new size. The kubelet looks at a pod about once a minute.
func (s *space) grown(claim, size string) {
	s.Helper()
	if _, err := s.try("wait", "--for=jsonpath={.status.capacity.storage}="+size, "--timeout=4m", "pvc/"+claim); err != nil {
		s.Fatalf("%v\n%s", err, s.kubectl("describe", "pvc", claim))
	}
}

// phase waits until a PersistentVolume is in a phase.
func (s *space) phase(pv, phase string) {
	s.Helper()
	s.kubectl("wait", "--for=jsonpath={.status.phase}="+phase, patience, "pv/"+pv)
}

// events returns the events of an object, one in each line, as "kubectl describe" shows them.
func (s *space) events(kind, name string) string {
	s.Helper()
	return s.kubectl("get", "events", "--field-selector=involvedObject.kind="+kind+",involvedObject.name="+name,
		"-o", `jsonpath={range .items[*]}{.type} {.reason} {.message}{"\n"}{end}`)
}

// claim returns the manifest of a PersistentVolumeClaim; of the default class if class is empty.
func claim(name, class, mode, size string) string {
	if class != "" {
		class = "\n  storageClassName: " + class
	}
	return fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec:%s
  accessModes: [%s]
  resources: {requests: {storage: %s}}
`, name, class, mode, size)
}

// pod returns the manifest of a pod that has a claim's volume at /data. It runs on any node if node is empty, and as root if user
// is 0.
func pod(name, node, claim string, user int) string {
	selector := ""
	if node != "" {
		selector = "\n  nodeSelector: {kubernetes.io/hostname: " + node + "}"
	}
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:%s
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: %d}
  containers:
    - name: main
      image: %s
      command: [sleep, "1000000"]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: %s}
`, name, selector, user, busyboxImage, claim)
}

// example returns a file of deploy/examples with some texts replaced, as readers replace them. The images become those that the
// nodes have, and classes name the backend, which is required when there are several.
func example(t *testing.T, name string, oldNew ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "deploy", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(string(data), oldNew[i]) {
			t.Fatalf("%s does not contain %q", name, oldNew[i])
		}
	}
	if !strings.Contains(string(data), "backend:") {
		oldNew = append(oldNew, "\nparameters:", "\nparameters:\n  backend: "+driver.Backend)
	}
	return strings.NewReplacer(append(oldNew, "busybox:1.37", busyboxImage, "nginx:1.29", nginxImage)...).Replace(string(data))
}

const nginxImage = "nginx:1.22"

// page fetches a pod's index.html. If there is no answer, it returns the error instead.
func (s *space) page(pod string) string {
	s.Helper()
	client, err := cluster.HTTPClient()
	if err != nil {
		s.Fatal(err)
	}
	defer client.CloseIdleConnections()
	client.Timeout = 10 * time.Second
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet,
		"http://"+s.kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}")+"/", http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// inDriver runs kubectl in the namespace of the driver.
func inDriver(t *testing.T, args ...string) string {
	t.Helper()
	return kubectl(t, append([]string{"--namespace=" + driver.Namespace}, args...)...)
}
