package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// These tests check what pods with volumes notice when something restarts or a node is drained.

// writer returns the manifest of a pod that writes ten lines a second into a file with the pod's name in the volume of the claim
// "data", and exits when it cannot.
func writer(name, node string) string {
	return writing(name, node, "while echo line >> /data/"+name+"; do sleep 0.1; done; exit 1")
}

// writing returns the manifest of a pod that runs a script, which writes into a file with the pod's name in the volume of the
// claim "data".
func writing(name, node, script string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s}
spec:
  nodeSelector: {kubernetes.io/hostname: %[2]s}
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
    - name: main
      image: %[3]s
      command: [sh, -c, %[4]q]
      readinessProbe: {exec: {command: [test, -s, /data/%[1]s]}, periodSeconds: 1}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`, name, node, busyboxImage, script)
}

func TestPodsWithVolumesDoNotNotice(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "unnoticed")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + writer("writer", "node1"))
	s.running("writer")
	started := s.startedAt("writer")
	for i, test := range []struct {
		name    string
		restart func(context.Context) error
	}{
		{"API server killed", killed(cluster.APIServer())},
		{"kubelet killed", killed(cluster.Node(1).Kubelet())},
		{"containerd killed", killed(cluster.Node(1).Containerd())},
		{"Heketi killed", killed(cluster.Lab().Heketi().Service)},
		{"controller replaced", func(ctx context.Context) error {
			_, err := cluster.Kubectl(ctx, "delete", "pod", driver.ControllerPod, "--namespace="+driver.Namespace)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &space{T: t, namespace: s.namespace}
			before := s.lines("writer")
			ok(t, test.restart(t.Context()))
			ok(t, cluster.APIServer().WaitReady(t.Context()))
			ok(t, d.WaitReady(t.Context()))
			s.goesOn("writer", before)
			if now := s.startedAt("writer"); now != started {
				t.Errorf("the pod started at %s and again at %s", started, now)
			}
			// The restarted component works: the node mounts the volume for another pod, and unmounts it.
			later := "later-" + strconv.Itoa(i)
			s.apply(writer(later, "node1"))
			s.running(later)
			s.kubectl("delete", "pod", later, patience)
		})
	}
}

// killed kills a service and starts it again.
func killed(s *lab.Service) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := s.Kill(ctx); err != nil {
			return err
		}
		return s.Start(ctx)
	}
}

func TestDrainedPodsFindTheirData(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "drained")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: moving}
spec:
  selector: {matchLabels: {app: moving}}
  template:
    metadata: {labels: {app: moving}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: ` + busyboxImage + `
          command: [sh, -c, "echo $NODE >> /data/nodes && sleep 1000000"]
          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
          readinessProbe: {exec: {command: [test, -s, /data/nodes]}, periodSeconds: 1}
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`)
	v := s.bound("data")
	ready := func() string {
		s.kubectl("rollout", "status", "deployment/moving", schedulersPatience)
		return s.kubectl("get", "pods", "-l", "app=moving", "-o", "jsonpath={.items[*].spec.nodeName}")
	}
	from := ready()
	t.Cleanup(func() {
		if _, err := cluster.Kubectl(context.Background(), "uncordon", from); err != nil {
			t.Error(err)
		}
	})
	// Evicted at once, the pod could be scheduled to the same node again: the scheduler sees the cordon a moment later.
	kubectl(t, "cordon", from)
	s.schedulesNothingOn(from)
	kubectl(t, "drain", from, "--ignore-daemonsets", "--delete-emptydir-data", "--force", patience)
	to := ready()
	if to == from {
		t.Errorf("the pod is on %s, which was drained", to)
	}
	if got, want := s.kubectl("exec", "deployment/moving", "--", "cat", "/data/nodes"), from+"\n"+to+"\n"; got != want {
		t.Errorf("the volume has %q, want %q", got, want)
	}
	for i, node := range cluster.Nodes() {
		if node.Name == from {
			eventually(t, func() error {
				if left := clients(t, i+1, v.gluster()); len(left) > 0 {
					return fmt.Errorf("the drained node still has the client %q", left)
				}
				return nil
			})
		}
	}
	ok(t, d.WaitReady(t.Context())) // the controller may have moved, too
}

// schedulesNothingOn waits until the scheduler sees that a node is cordoned: it then refuses a pod that needs this node.
func (s *space) schedulesNothingOn(node string) {
	s.Helper()
	eventually(s.T, func() error {
		s.apply(fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: pinned}
spec:
  nodeSelector: {kubernetes.io/hostname: %s}
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: %q, command: [sleep, "1000000"]}]
`, node, busyboxImage))
		_, err := s.try("wait", "--for=condition=PodScheduled=False", "--timeout=10s", "pod/pinned")
		s.kubectl("delete", "pod/pinned", patience)
		return err
	})
}

// lines returns how many lines a writer has written, as the pod sees it.
func (s *space) lines(pod string) int {
	s.Helper()
	n, err := s.tryLines(pod)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

func (s *space) tryLines(pod string) (int, error) {
	out, err := s.try("exec", pod, "--", "sh", "-c", "wc -l < /data/"+pod)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// goesOn waits until a writer has written more than the given number of lines.
func (s *space) goesOn(pod string, before int) {
	s.Helper()
	eventually(s.T, func() error {
		after, err := s.tryLines(pod) // a kubelet that has just started does not have its pods yet
		if err == nil && after <= before {
			err = fmt.Errorf("pod %s had written %d lines before, and has %d now", pod, before, after)
		}
		return err
	})
}

func (s *space) startedAt(pod string) string {
	s.Helper()
	at := s.kubectl("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].state.running.startedAt}")
	if at == "" {
		s.Fatal(s.kubectl("describe", "pod", pod))
	}
	return at
}
