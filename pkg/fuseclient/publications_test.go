package fuseclient

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

var webPod = mount.Pod{Namespace: "team-a", Name: "web-0", UID: "u"}

// podTarget makes the parent of a target path of the kubelet's form, and returns the path.
func (n *node) podTarget(pod string) string {
	n.t.Helper()
	parent := n.path("pods/" + pod + "/volumes/kubernetes.io~csi/pvc-1")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		n.t.Fatal(err)
	}
	return parent + "/mount"
}

func (n *node) publishFor(target string, pod mount.Pod, readOnly bool) {
	n.t.Helper()
	p := mount.Publication{VolumeID: "id-vol", StagingPath: n.path("staging"), TargetPath: target, ReadOnly: readOnly, Pod: pod}
	if err := n.Publish(n.t.Context(), p); err != nil {
		n.t.Fatal(err)
	}
}

// published compares the volume's known publications.
func (n *node) published(when string, want ...Publication) {
	n.t.Helper()
	if want == nil {
		want = []Publication{}
	}
	if diff := cmp.Diff(want, n.Publications("id-vol")); diff != "" {
		n.t.Errorf("%s: %s", when, diff)
	}
}

// TestPublications: publications are known from publish to unpublish, across a new client and restarts.
func TestPublications(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.published("staged only")
	kubelets, other := n.podTarget("u"), n.path("target")
	n.publishFor(kubelets, webPod, true)
	n.publishFor(other, mount.Pod{}, false)
	first, second := Publication{Target: kubelets, ReadOnly: true, Pod: webPod, PV: "pvc-1"}, Publication{Target: other}
	n.published("published", first, second)
	n.restart()
	n.published("after a restart", first, second)
	n.kill(r)
	n.publishFor(kubelets, mount.Pod{}, true) // by a kubelet that no longer names pods
	if n.known().Process == r.Process {
		t.Fatal("the same client")
	}
	n.published("after a new client", first, second)
	n.publishFor(other, webPod, false)
	n.restart()
	second.Pod = webPod
	n.published("for another pod", first, second)
	if err := n.publish("target", true); err == nil {
		t.Fatal("published read-only where it is writable")
	}
	n.published("after a refused publish", first, second)
	if err := n.Unpublish(t.Context(), "id-vol", kubelets); err != nil {
		t.Fatal(err)
	}
	n.published("unpublished", second)
	n.restart()
	n.published("unpublished, after a restart", second)
	if err := unix.Unmount(other, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	n.restart()
	n.published("unmounted while no node plugin ran")
}

// TestPublicationsStayWithTheirRecord: a copy of the record does not change when publications are added.
func TestPublicationsStayWithTheirRecord(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.publishFor(n.path("target"), webPod, false)
	before := n.known()
	n.publishFor(n.path("second"), webPod, false)
	if len(before.Publications) != 1 {
		t.Errorf("%v", before.Publications)
	}
	n.remember(before)
	if all := n.Publications("id-vol"); len(all) != 2 {
		t.Errorf("an older record was saved, and %v is left", all)
	}
}

// TestPublicationsAreWrittenAtOnce: Run writes publications at once, before the next round of upkeep.
func TestPublicationsAreWrittenAtOnce(t *testing.T) {
	n := newNode(t)
	n.limits.tick = time.Hour
	n.stage()
	n.run()
	written := func() int {
		r, err := readRecord(n.recordPath("id-vol"))
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Publications)
	}
	n.publishFor(n.path("target"), webPod, false)
	waitFor(t, "the publication", func() bool { return written() == 1 })
	n.publishFor(n.path("target"), webPod, false) // nothing new
	if len(n.takeUnwritten()) > 0 {
		t.Error("the record would be written again")
	}
	if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end", func() bool { return written() == 0 })
}

// TestRecordWithUnknownFields: a driver can read the records of a later version that have additional fields.
func TestRecordWithUnknownFields(t *testing.T) {
	r, err := parseRecord([]byte(`{"version": 1, "source": {"volumeID": "v"}, "later": {"a": [1]}, "publications": {"/t": {"pod": {"name": "web", "later": 1}, "later": 1}}}`))
	if err != nil || r.Source.VolumeID != "v" || r.Publications["/t"].Pod.Name != "web" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPVOf(t *testing.T) {
	const pods = "/var/lib/kubelet/pods/0e3ba1c1-8c4e-4d4c-9f0e-5d9d6c6f8a11"
	for target, want := range map[string]string{
		pods + "/volumes/kubernetes.io~csi/pvc-1/mount":     "pvc-1",
		pods + "/volumes/kubernetes.io~csi/x/mount":         "x",
		pods + "/volumes/kubernetes.io~csi/my.data/mount":   "my.data",
		pods + "/volumes/kubernetes.io~csi/pvc-1":           "",
		pods + "/volumes/kubernetes.io~csi/pvc-1/mount/sub": "",
		pods + "/volumes/kubernetes.io~nfs/pvc-1/mount":     "",
		pods + "/volumes/kubernetes.io~csi/Upper/mount":     "",
		pods + "/volumes/kubernetes.io~csi/-x/mount":        "",
		"/mnt/target": "",
	} {
		if got := pvOf(target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
