package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestGraphChange changes the graph of a volume's client while a pod with two containers uses it: a mounts a directory of the
// volume, b the whole volume with an emptyDir in it. Without the driver's repair, b would silently write into the volume from
// then on, and a could not be started again.
func TestGraphChange(t *testing.T) {
	d := theDriver(t)
	number := 0
	for name, change := range map[string]func(*space, volume){
		"expansion": func(s *space, _ volume) {
			s.kubectl("patch", "pvc", "data", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)
		},
		"volume option": func(s *space, v volume) {
			gluster(s.T, "volume", "set", v.gluster(), "performance.nl-cache", "on")
		},
	} {
		for when, around := range map[string]func(s *space, change func()){
			"node plugin runs":              func(_ *space, change func()) { change() },
			"node plugin killed before":     func(s *space, change func()) { s.killNodePlugin(); change() },
			"node plugin killed during":     killDuring,
			"node plugin killed afterwards": func(s *space, change func()) { change(); s.killNodePlugin() },
		} {
			number++
			t.Run(name+", "+when, func(t *testing.T) {
				replaceNodePlugin(t, d)
				s := newSpace(t, fmt.Sprintf("graph-change-%d", number))
				s.apply(claim("data", "", "ReadWriteMany", "1Gi") + twoContainers)
				s.running("both")
				v := s.bound("data")
				s.of("a", "echo kept > /data/file")
				s.of("b", "echo scratch > /data/tmp/mark")
				tmp, part := s.mount("b", "/data/tmp"), s.mount("a", "/data")
				time.Sleep(noticeTime)
				around(s, func() { change(s, v) })
				if name == "expansion" {
					s.grown("data", "2Gi")
				}
				eventually(t, func() error {
					s.of("b", "ls /data/sub") // a lookup by name, at which the kernel notices that the directory has changed
					return errors.Join(s.isBack("b", "/data/tmp", "mark", "scratch\n", tmp), s.isBack("a", "/data", "file", "kept\n", part))
				})
				s.of("b", "echo new > /data/tmp/new")
				if found, err := outside.OnBricks(t.Context(), cluster.Lab(), mustGluster(t, v.gluster()).GlusterVolume, "tmp/new"); err != nil || len(found) > 0 {
					t.Errorf("the content of the emptyDir is on the bricks: %q, %v", found, err)
				}
				_, _ = s.try("exec", "both", "-c", "a", "--", "sh", "-c", "kill 1") // which may end the shell, too
				eventually(t, func() error {
					out, err := s.try("get", "pod", "both", "-o", `jsonpath={range .status.containerStatuses[?(@.name=="a")]}{.restartCount} {.ready}{end}`)
					if err == nil && out != "1 true" {
						err = fmt.Errorf("container a was restarted and is ready: %s\n%s", out, s.events("Pod", "both"))
					}
					return err
				})
				if got := s.of("a", "cat /data/file"); got != "kept\n" {
					t.Errorf("started again, the container reads %q", got)
				}
			})
		}
	}
}

// noticeTime is enough for the node plugin to see a new container's mounts. It cannot restore mounts that it has not seen.
const noticeTime = 3 * time.Second

const twoContainers = `---
apiVersion: v1
kind: Pod
metadata: {name: both}
spec:
  nodeSelector: {kubernetes.io/hostname: node1}
  terminationGracePeriodSeconds: 0
  containers:
    - name: a
      image: ` + busyboxImage + `
      command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
      volumeMounts: [{name: data, mountPath: /data, subPath: sub}]
    - name: b
      image: ` + busyboxImage + `
      command: [sleep, "1000000"]
      volumeMounts: [{name: data, mountPath: /data}, {name: scratch, mountPath: /data/tmp}]
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: data}}
    - {name: scratch, emptyDir: {}}
`

// killDuring kills the node plugin during the change.
func killDuring(s *space, change func()) {
	s.Helper()
	done := make(chan struct{})
	pid := s.driverPid()
	go func() {
		defer close(done)
		time.Sleep(100 * time.Millisecond)
		_, _ = cluster.Node(1).Machine.Output(s.Context(), "kill", "-KILL", pid) // if it fails, the node plugin was not there either
	}()
	change()
	<-done
}

func (s *space) killNodePlugin() {
	s.Helper()
	sendSignal(s.T, "KILL", s.driverPid())
}

// of runs a shell command in a container of the pod "both".
func (s *space) of(container, command string) string {
	s.Helper()
	return s.kubectl("exec", "both", "-c", container, "--", "sh", "-c", command)
}

// mount returns the id and root of the last mount at a path in a container of the pod "both", or "" if there is none.
func (s *space) mount(container, path string) string {
	s.Helper()
	return strings.TrimSpace(s.of(container, `awk '$5 == "`+path+`" {print $1, $4}' /proc/self/mountinfo | tail -n1`))
}

// isBack returns an error unless the mount point looks as it did before the change, with a new mount.
func (s *space) isBack(container, path, file, content, before string) error {
	got, err := s.try("exec", "both", "-c", container, "--", "cat", path+"/"+file)
	if err == nil && got != content {
		err = fmt.Errorf("%s of container %s has %q, want %q", file, container, got, content)
	}
	now := s.mount(container, path)
	if now == "" || now == before || strings.HasSuffix(now, "//deleted") {
		err = errors.Join(err, fmt.Errorf("at %s of container %s is the mount %q, before it was %q", path, container, now, before))
	}
	return err
}
