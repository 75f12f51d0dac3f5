package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

func pv(name, driver, gid, more string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: PersistentVolume, metadata: {name: %q%s},
		spec: {csi: {driver: %q, volumeAttributes: {gid: %q, volume: v}}}}`, name, more, driver, gid)
}

// awaitGID waits until the PersistentVolume has the annotation.
func awaitGID(t *testing.T, c *Client, name, want string) {
	t.Helper()
	for {
		object, err := c.resource("", "persistentvolumes", "").api.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		switch got, ok := object.GetAnnotations()[GIDAnnotation]; {
		case ok && got == want:
			return
		case ok:
			t.Fatalf("%s: gid %s, want %s", name, got, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func create(t *testing.T, c *Client, object string) {
	t.Helper()
	if _, err := c.resource("", "persistentvolumes", "").api.Create(t.Context(), parse(t, object), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestAnnotateGIDs(t *testing.T) {
	c, api := newFakeCluster(t, pv("old", testDriver, "2000", ", annotations: {mine: x}"),
		pv("annotated", testDriver, "2001", `, annotations: {pv.beta.kubernetes.io/gid: "7"}`))
	for range 2 { // two controllers at the same time
		run(t, func(ctx context.Context) { c.AnnotateGIDs(ctx, testDriver) })
	}
	awaitGID(t, c, "old", "2000")
	for count(api, "watch") < 2 { // the fake API server loses changes between list and watch
		time.Sleep(time.Millisecond)
	}
	create(t, c, pv("new", testDriver, "2002", ""))
	awaitGID(t, c, "new", "2002")
	awaitGID(t, c, "annotated", "7")
	object, err := c.resource("", "persistentvolumes", "").api.Get(t.Context(), "old", metav1.GetOptions{})
	if err != nil || object.GetAnnotations()["mine"] != "x" {
		t.Errorf("%v, %v", object, err)
	}
}

func TestAnnotateOnlyWhatIsOurs(t *testing.T) {
	tests := map[string]struct {
		object string
		want   int
	}{
		"ours":        {pv("a", testDriver, "2000", `, resourceVersion: "5"`), 1},
		"other":       {pv("a", "other.driver", "2000", ""), 0},
		"no group":    {pv("a", testDriver, "", ""), 0},
		"words":       {pv("a", testDriver, "2000,0", ""), 0},
		"root":        {pv("a", testDriver, "0", ""), 0},
		"system":      {pv("a", testDriver, "1999", ""), 0},
		"padded":      {pv("a", testDriver, "02000", ""), 0},
		"signed":      {pv("a", testDriver, "+2000", ""), 0},
		"root's bits": {pv("a", testDriver, "4294967296", ""), 0},
		"no group id": {pv("a", testDriver, "2147483647", ""), 0},
		"negative":    {pv("a", testDriver, "-1", ""), 0},
		"huge":        {pv("a", testDriver, "20000000000", ""), 0},
		"annotated":   {pv("a", testDriver, "2000", `, annotations: {pv.beta.kubernetes.io/gid: ""}`), 0},
		"deleting":    {pv("a", testDriver, "2000", `, deletionTimestamp: "2026-01-02T03:04:05Z"`), 0},
		"not CSI":     {`{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {nfs: {server: s}}}`, 0},
		"no gid":      {`{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {csi: {driver: glusterfs.csi.gluster.org}}}`, 0},
		"gid of type": {`{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {csi: {driver: glusterfs.csi.gluster.org, volumeAttributes: {gid: 2000}}}}`, 0},
	}
	for name, tt := range tests {
		queue := workqueue.NewTyped[ungrouped]()
		store := &ungroupedStore{driver: testDriver, queue: queue}
		if err := store.Add(parse(t, tt.object)); err != nil {
			t.Fatal(err)
		}
		if queue.Len() != tt.want {
			t.Errorf("%s: %d in the queue, want %d", name, queue.Len(), tt.want)
		}
		if tt.want > 0 {
			if got, _ := queue.Get(); got != (ungrouped{name: "a", version: "5", gid: "2000"}) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		queue.ShutDown()
	}
}

// TestAnnotateLeavesStrangersAlone: a reflector may pass values that are not objects.
func TestAnnotateLeavesStrangersAlone(t *testing.T) {
	queue := workqueue.NewTyped[ungrouped]()
	defer queue.ShutDown()
	store := &ungroupedStore{driver: testDriver, queue: queue}
	if err := store.Add("x"); err != nil || queue.Len() != 0 {
		t.Errorf("%v, %d in the queue", err, queue.Len())
	}
}

// TestAnnotateOnce: an annotation that has been written is not written again.
func TestAnnotateOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := newFakeCluster(t, pv("a", testDriver, "2000", ""))
		run(t, func(ctx context.Context) { c.AnnotateGIDs(ctx, testDriver) })
		time.Sleep(time.Hour)
		if n := count(api, "patch"); n != 1 {
			t.Errorf("%d patches in an hour, want 1", n)
		}
	})
}

func TestAnnotateTriesAgain(t *testing.T) {
	c, api := newFakeCluster(t, pv("a", testDriver, "2000", ""))
	failFirst(api, "patch", "persistentvolumes", errors.New("connection refused"),
		apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumes"}, "a", nil))
	run(t, func(ctx context.Context) { c.AnnotateGIDs(ctx, testDriver) })
	awaitGID(t, c, "a", "2000")
}

// TestAnnotateAfterAConflict: the version that was read is outdated, and the watch delivers the next one.
func TestAnnotateAfterAConflict(t *testing.T) {
	c, api := newFakeCluster(t, pv("a", testDriver, "2000", ""))
	failFirst(api, "patch", "persistentvolumes", apierrors.NewConflict(schema.GroupResource{Resource: "persistentvolumes"}, "a", nil))
	run(t, func(ctx context.Context) { c.AnnotateGIDs(ctx, testDriver) })
	for count(api, "patch") < 1 || count(api, "watch") < 1 {
		time.Sleep(time.Millisecond)
	}
	volumes := c.resource("", "persistentvolumes", "").api
	if _, err := volumes.Update(t.Context(), parse(t, pv("a", testDriver, "2000", `, resourceVersion: "2"`)), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitGID(t, c, "a", "2000")
	if n := count(api, "patch"); n != 2 {
		t.Errorf("%d patches, want 2", n)
	}
}

func TestAnnotateSendsTheVersion(t *testing.T) {
	c, api := newFakeCluster(t, pv("a", testDriver, "2000", `, resourceVersion: "41"`))
	if err := annotate(t.Context(), c.resource("", "persistentvolumes", ""), ungrouped{name: "a", version: "41", gid: "2000"}); err != nil {
		t.Fatal(err)
	}
	actions := api.Actions()
	patch := string(actions[len(actions)-1].(interface{ GetPatch() []byte }).GetPatch())
	if want := `{"metadata":{"annotations":{"pv.beta.kubernetes.io/gid":"2000"},"resourceVersion":"41"}}`; patch != want {
		t.Errorf("%s, want %s", patch, want)
	}
}

// TestAnnotateHoldsOnePage: in a cluster with many PersistentVolumes, most of them of other drivers, the annotator never holds
// more than one page of them.
func TestAnnotateHoldsOnePage(t *testing.T) {
	const others = 4*pageSize + 1
	server := kubetest.New(t, 10*pageSize) // a client that asks for more than a page gets it
	server.Add(`{"metadata": {"name": "first", "resourceVersion": "1"}, "spec": {"csi": {"driver": "` + testDriver + `", "volumeAttributes": {"gid": "2000"}}}}`)
	for i := range others {
		server.Add(fmt.Sprintf(`{"metadata": {"name": "other-%d", "resourceVersion": "1"}, "spec": {"csi": {"driver": "other.driver", "volumeAttributes": {"gid": "2000"}}}}`, i))
	}
	server.Add(`{"metadata": {"name": "last", "resourceVersion": "1"}, "spec": {"csi": {"driver": "` + testDriver + `", "volumeAttributes": {"gid": "2001"}}}}`)
	c := connect(t, server.Kubeconfig(t))
	run(t, func(ctx context.Context) { c.AnnotateGIDs(ctx, testDriver) })
	for server.Watches() < 1 || len(server.Patched()) < 2 {
		time.Sleep(time.Millisecond)
	}
	if got := server.Patched(); !slices.Equal(got, []string{"first", "last"}) {
		t.Errorf("annotated %v", got)
	}
	if n := server.LargestPage(); n != pageSize {
		t.Errorf("a request got %d PersistentVolumes, want pages of %d", n, pageSize)
	}
	if n := server.Pages(); n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
}
