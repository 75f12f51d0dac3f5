package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const gib = 1 << 30

func class(name, provisioner, mode, parameters string) string {
	return fmt.Sprintf(`{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: %q}, provisioner: %q, volumeBindingMode: %q, parameters: {%s}}`,
		name, provisioner, mode, parameters)
}

const controllerPod = `{apiVersion: v1, kind: Pod, metadata: {namespace: ns, name: controller-0, uid: p, ownerReferences: [
	{apiVersion: apps/v1, kind: StatefulSet, name: controller, uid: s, controller: true, blockOwnerDeletion: true}]}}`

// published returns the figures of all objects by class, as "total largest" in GiB.
func published(t *testing.T, c *Client) map[string]string {
	t.Helper()
	list, err := c.capacities("ns").list(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]string{}
	for _, object := range list.Items {
		class, _, _ := unstructured.NestedString(object.Object, "storageClassName")
		figures[class] = fmt.Sprint(bytesOf(&object, "capacity")/gib, bytesOf(&object, "maximumVolumeSize")/gib)
	}
	return figures
}

func awaitPublished(t *testing.T, c *Client, want map[string]string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		got := published(t, c)
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("published is %v, want %v", got, want)
		}
	}
}

func TestPublishCapacity(t *testing.T) {
	c, api := newFakeCluster(t, controllerPod,
		class("waits", testDriver, "WaitForFirstConsumer", "volumetype: none"),
		class("broken", testDriver, "WaitForFirstConsumer", "volumetype: broken"),
		class("immediate", testDriver, "Immediate", ""),
		class("foreign", "other", "WaitForFirstConsumer", ""))
	var free atomic.Int64
	free.Store(10)
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0", Interval: 5 * time.Millisecond,
		Room: func(_ context.Context, parameters map[string]string, _ time.Time) (total, largest int64, err error) {
			if parameters["volumetype"] == "broken" {
				return 0, 0, errors.New("broken")
			}
			return 3 * free.Load() * gib, free.Load() * gib, nil
		},
	}
	run(t, func(ctx context.Context) { c.PublishCapacity(ctx, o) })
	// The space for the broken class is not known, so its pods must get as far as CreateVolume, which returns the reason.
	const broken = "1073741824 1073741824"
	awaitPublished(t, c, map[string]string{"broken": broken, "waits": "30 10"})
	object, err := c.capacities("ns").get(t.Context(), o.objectName("waits"))
	if err != nil {
		t.Fatal(err)
	}
	if topology, found, _ := unstructured.NestedMap(object.Object, "nodeTopology"); !found || len(topology) > 0 {
		t.Errorf("nodeTopology is %v (%v), want an empty one", topology, found)
	}
	if owners := object.GetOwnerReferences(); len(owners) != 1 || owners[0].Kind != "StatefulSet" || owners[0].UID != "s" || owners[0].Controller != nil {
		t.Errorf("it belongs to %+v, want the StatefulSet", owners)
	}

	free.Store(8)
	awaitPublished(t, c, map[string]string{"broken": broken, "waits": "24 8"})
	for count(api, "watch") == 0 { // the fake API server loses changes between list and watch
		time.Sleep(time.Millisecond)
	}
	classes := c.resource("storage.k8s.io", "storageclasses", "").api
	if _, err := classes.Create(t.Context(), parse(t, class("new", testDriver, "WaitForFirstConsumer", "")), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitPublished(t, c, map[string]string{"broken": broken, "new": "24 8", "waits": "24 8"})
	if err := classes.Delete(t.Context(), "waits", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitPublished(t, c, map[string]string{"broken": broken, "new": "24 8"})
}

// TestPublishCapacityInIntervals: without failures, the next round begins after the interval, however long that is.
func TestPublishCapacityInIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newFakeCluster(t, controllerPod, class("waits", testDriver, "WaitForFirstConsumer", ""))
		var rounds atomic.Int64
		o := Capacity{
			Driver: testDriver, Namespace: "ns", Pod: "controller-0", Interval: time.Hour,
			Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
				rounds.Add(1)
				return gib, gib, nil
			},
		}
		run(t, func(ctx context.Context) { c.PublishCapacity(ctx, o) })
		time.Sleep(10*time.Hour + time.Minute)
		if n := rounds.Load(); n != 11 {
			t.Errorf("%d rounds in ten hours, want 11", n)
		}
	})
}

// TestPublishCapacityAfterFailures: a class whose space stays unknown makes for a few extra rounds, not for one every 15 s. When
// the space is known again, rounds are an interval apart.
func TestPublishCapacityAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newFakeCluster(t, controllerPod, class("waits", testDriver, "WaitForFirstConsumer", ""))
		began := time.Now()
		var rounds atomic.Int64
		var away atomic.Bool
		away.Store(true)
		o := Capacity{
			Driver: testDriver, Namespace: "ns", Pod: "controller-0", Interval: 5 * time.Minute,
			Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
				rounds.Add(1)
				if away.Load() {
					return 0, 0, errors.New("Heketi is away")
				}
				return gib, gib, nil
			},
		}
		run(t, func(ctx context.Context) { c.PublishCapacity(ctx, o) })
		// Rounds after 0, 15, 45, 105, 225 and 465 s, and then every 300 s.
		for _, step := range []struct {
			until  time.Duration
			rounds int64
			away   bool // after that
		}{
			{16 * time.Second, 2, true},
			{46 * time.Second, 3, true},
			{8 * time.Minute, 6, true},
			{18 * time.Minute, 8, false},
			{23 * time.Minute, 9, true},    // known again
			{1670 * time.Second, 10, true}, // fails
			{29 * time.Minute, 12, true},   // 15 and 30 s later
		} {
			time.Sleep(step.until - time.Since(began))
			if n := rounds.Load(); n != step.rounds {
				t.Errorf("%d rounds in %v, want %d", n, step.until, step.rounds)
			}
			away.Store(step.away)
		}
	})
}

// TestPublishCapacityWritesOnlyChanges: an object that is already right is not written again. A figure that is no longer known
// would keep pods waiting, so the object is changed to one that does not.
func TestPublishCapacityWritesOnlyChanges(t *testing.T) {
	c, api := newFakeCluster(t, controllerPod)
	var away error
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
			return 2 * gib, gib, away
		},
	}
	classes := []any{parse(t, class("waits", testDriver, "WaitForFirstConsumer", ""))}
	for range 2 {
		if err := c.publishCapacity(t.Context(), o, classes); err != nil {
			t.Fatal(err)
		}
	}
	if creates, updates, deletes := count(api, "create"), count(api, "update"), count(api, "delete"); creates != 1 || updates+deletes != 0 {
		t.Errorf("%d creates, %d updates, %d deletes, want one create", creates, updates, deletes)
	}
	awaitPublished(t, c, map[string]string{"waits": "2 1"})
	away = errors.New("Heketi is away")
	for range 2 {
		if err := c.publishCapacity(t.Context(), o, classes); err == nil || !strings.Contains(err.Error(), "StorageClass waits: Heketi is away") {
			t.Error(err)
		}
	}
	awaitPublished(t, c, map[string]string{"waits": "1073741824 1073741824"})
	away = nil
	if err := c.publishCapacity(t.Context(), o, classes); err != nil {
		t.Fatal(err)
	}
	awaitPublished(t, c, map[string]string{"waits": "2 1"})
	if n := count(api, "update"); n != 2 {
		t.Errorf("%d updates, want one for each change", n)
	}
	o.Immediate = true
	classes = []any{parse(t, class("immediate", testDriver, "Immediate", ""))}
	if err := c.publishCapacity(t.Context(), o, classes); err != nil {
		t.Fatal(err)
	}
	awaitPublished(t, c, map[string]string{"immediate": "2 1"})
}

// TestPublishCapacityInRounds: data read for one class of a round may be used for the others, but not in the next round.
func TestPublishCapacityInRounds(t *testing.T) {
	c, _ := newFakeCluster(t, controllerPod)
	var asked []time.Time
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(_ context.Context, _ map[string]string, since time.Time) (total, largest int64, err error) {
			asked = append(asked, since)
			return gib, gib, nil
		},
	}
	classes := []any{parse(t, class("a", testDriver, "WaitForFirstConsumer", "")), parse(t, class("b", testDriver, "WaitForFirstConsumer", ""))}
	began := make([]time.Time, 2)
	for i := range began {
		began[i] = time.Now()
		if err := c.publishCapacity(t.Context(), o, classes); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 4 || asked[0] != asked[1] || asked[2] != asked[3] || asked[0].Before(began[0]) || asked[2].Before(began[1]) {
		t.Errorf("rounds that began at %v asked for what is known since %v", began, asked)
	}
}
