package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

var errBroken = errors.New("etcd has no leader")

// TestExplain: the error of each failed request contains advice, and wraps the original error.
func TestExplain(t *testing.T) {
	c := &Client{host: "https://api:6443"}
	for _, tt := range []struct {
		err  error
		says string
	}{
		{nil, ""},
		{context.Canceled, "context canceled"},
		{context.DeadlineExceeded, "API server https://api:6443 does not answer in time"},
		{&url.Error{Op: "Get", URL: "https://api:6443/x", Err: errBroken}, "API server https://api:6443 cannot be reached: etcd has no leader: is it running"},
		{errBroken, "API server https://api:6443: etcd has no leader"},
	} {
		got := c.explain(tt.err, "list nodes")
		if (got == nil) != (tt.err == nil) || got != nil && !strings.HasPrefix(got.Error(), tt.says) {
			t.Errorf("%v: %v, want %q", tt.err, got, tt.says)
		}
		if _, isURL := errors.AsType[*url.Error](tt.err); !isURL && !errors.Is(got, tt.err) {
			t.Errorf("%v does not wrap %v", got, tt.err)
		}
	}
}

// TestPublishCapacityFails: a failed request is reported, and affects only its own class.
func TestPublishCapacityFails(t *testing.T) {
	room := int64(1)
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
			return room * gib, gib, nil
		},
	}
	waits := func(t *testing.T, name string) *unstructured.Unstructured {
		t.Helper()
		return parse(t, class(name, testDriver, "WaitForFirstConsumer", ""))
	}
	for _, tt := range []struct {
		verb, resource string
		begun          bool   // there is already an object, with other figures
		says           string // in addition to the failure
		left           map[string]string
	}{
		{"list", "csistoragecapacities", false, "", nil},
		{"get", "pods", false, "StorageClass a: ", map[string]string{"b": "1 1"}},
		{"create", "csistoragecapacities", false, "StorageClass a: ", map[string]string{"b": "1 1"}},
		{"update", "csistoragecapacities", true, "StorageClass a: ", map[string]string{"a": "2 1", "b": "1 1"}},
		{"delete", "csistoragecapacities", true, "", map[string]string{"a": "1 1", "b": "1 1", "gone": "2 1"}},
	} {
		t.Run(tt.verb+" "+tt.resource, func(t *testing.T) {
			c, api := newFakeCluster(t, controllerPod)
			classes := []any{waits(t, "a"), waits(t, "b")}
			if tt.begun {
				room = 2
				begun := []any{waits(t, "a")}
				if tt.verb == "delete" {
					begun = append(begun, waits(t, "gone"))
				}
				if err := c.publishCapacity(t.Context(), o, begun); err != nil {
					t.Fatal(err)
				}
			}
			room = 1
			failFirst(api, tt.verb, tt.resource, errBroken)
			err := c.publishCapacity(t.Context(), o, classes)
			if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("error %v, want %q and the failure", err, tt.says)
			}
			if got := published(t, c); fmt.Sprint(got) != fmt.Sprint(tt.left) && len(got)+len(tt.left) > 0 {
				t.Errorf("published is %v, want %v", got, tt.left)
			}
			if err := c.publishCapacity(t.Context(), o, classes); err != nil {
				t.Error(err)
			}
			if got := published(t, c); fmt.Sprint(got) != "map[a:1 1 b:1 1]" {
				t.Errorf("after another round published is %v", got)
			}
		})
	}
}

// TestPublishCapacityOfADamagedClass: parameters that are not strings, which no API server stores, affect only that class.
func TestPublishCapacityOfADamagedClass(t *testing.T) {
	c, _ := newFakeCluster(t, controllerPod)
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
			return gib, gib, nil
		},
	}
	damaged := parse(t, class("damaged", testDriver, "WaitForFirstConsumer", "a: [1]"))
	err := c.publishCapacity(t.Context(), o, []any{"no object", damaged, parse(t, class("waits", testDriver, "WaitForFirstConsumer", ""))})
	if err == nil || !strings.Contains(err.Error(), "StorageClass damaged: ") {
		t.Errorf("error %v", err)
	}
	if got := published(t, c); fmt.Sprint(got) != "map[waits:1 1]" {
		t.Errorf("published is %v", got)
	}
}

// TestPublishCapacityOnlyWhatHasChanged: an object is written if one of its two figures has changed.
func TestPublishCapacityOnlyWhatHasChanged(t *testing.T) {
	c, api := newFakeCluster(t, controllerPod)
	total, largest := int64(2*gib), int64(gib)
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(context.Context, map[string]string, time.Time) (int64, int64, error) { return total, largest, nil },
	}
	for i, figures := range [][2]int64{{2, 1}, {2, 1}, {3, 1}, {3, 2}, {3, 2}} {
		total, largest = figures[0]*gib, figures[1]*gib
		if err := c.publishCapacity(t.Context(), o, []any{parse(t, class("waits", testDriver, "WaitForFirstConsumer", ""))}); err != nil {
			t.Fatal(err)
		}
		if got, want := published(t, c)["waits"], fmt.Sprint(figures[0], figures[1]); got != want {
			t.Errorf("round %d: published is %s, want %s", i, got, want)
		}
	}
	if n := count(api, "update"); n != 2 {
		t.Errorf("%d updates, want 2", n)
	}
	object, err := c.capacities("ns").get(t.Context(), o.objectName("waits"))
	if err != nil || object.GetNamespace() != "ns" || len(object.GetName()) != len("csisc-0123456789abcdef") {
		t.Errorf("%v, %v", object, err)
	}
}

// TestCapacityOwner: without a StatefulSet the pod itself owns the objects.
func TestCapacityOwner(t *testing.T) {
	c, _ := newFakeCluster(t, `{apiVersion: v1, kind: Pod, metadata: {namespace: ns, name: controller-0, uid: p}}`)
	owner, err := c.owner(t.Context(), Capacity{Namespace: "ns", Pod: "controller-0"})
	if err != nil || owner != (metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "controller-0", UID: "p"}) {
		t.Errorf("%+v, %v", owner, err)
	}
}

// TestPublishCapacitySaysOnce: a lasting failure is logged once, and again if it returns after a success.
func TestPublishCapacitySaysOnce(t *testing.T) {
	c, _ := newFakeCluster(t, controllerPod, class("waits", testDriver, "WaitForFirstConsumer", ""))
	another := errors.New("Heketi is away")
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&log)))))
	rounds := []error{errBroken, errBroken, errBroken, nil, errBroken, another, another, nil}
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0", Interval: time.Millisecond,
		Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
			err = rounds[0]
			if rounds = rounds[1:]; len(rounds) == 0 {
				cancel()
			}
			return gib, gib, err
		},
	}
	c.PublishCapacity(ctx, o)
	if n := strings.Count(log.String(), "Not all capacity can be published"); n != 3 {
		t.Errorf("logged %d times, want 3, once for each time that a failure begins:\n%s", n, log.String())
	}
}

// TestNoticedStore: the store keeps the driver's classes, and signals each change of one of them.
func TestNoticedStore(t *testing.T) {
	o := Capacity{Driver: testDriver}
	ours, immediate := parse(t, class("ours", testDriver, "WaitForFirstConsumer", "")), parse(t, class("immediate", testDriver, "Immediate", ""))
	foreign := parse(t, class("foreign", "other", "WaitForFirstConsumer", ""))
	s := &noticedStore{Store: cache.NewStore(cache.MetaNamespaceKeyFunc), concerns: o.concerns, changed: make(chan struct{}, 1)}
	for _, step := range []struct {
		name    string
		do      func() error
		noticed bool
		left    int
	}{
		{"another driver's", func() error { return s.Add(foreign) }, false, 0},
		{"one that the scheduler does not ask about", func() error { return s.Add(immediate) }, false, 0},
		{"no class", func() error { return s.Add("x") }, false, 0},
		{"ours", func() error { return s.Add(ours) }, true, 1},
		{"ours, changed", func() error { return s.Update(ours) }, true, 1},
		{"twice", func() error { return errors.Join(s.Add(ours), s.Add(ours)) }, true, 1},
		{"deleting one that is not there", func() error { return s.Delete(foreign) }, false, 1},
		{"deleting ours", func() error { return s.Delete(ours) }, true, 0},
		{"a list", func() error { return s.Replace([]any{foreign, "x", ours, immediate}, "1") }, true, 1},
	} {
		err := step.do()
		noticed := len(s.changed) > 0
		if noticed {
			<-s.changed
		}
		if err != nil || noticed != step.noticed || len(s.List()) != step.left {
			t.Errorf("%s: noticed %t, %d left, %v; want %t, %d", step.name, noticed, len(s.List()), err, step.noticed, step.left)
		}
	}
	if err := s.Delete("x"); err == nil {
		t.Error("what is no object was deleted")
	}
	o.Immediate = true
	if !o.concerns(immediate) || !o.concerns(ours) || o.concerns(foreign) {
		t.Error("all classes of the driver are wanted, and no others")
	}
}

// failingStore cannot store anything.
type failingStore struct{ cache.Store }

func (failingStore) Add(any) error               { return errBroken }
func (failingStore) Delete(any) error            { return errBroken }
func (failingStore) Replace([]any, string) error { return errBroken }

func TestNoticedStoreFails(t *testing.T) {
	ours := parse(t, class("ours", testDriver, "WaitForFirstConsumer", ""))
	full := cache.NewStore(cache.MetaNamespaceKeyFunc)
	if err := full.Add(ours); err != nil {
		t.Fatal(err)
	}
	s := &noticedStore{Store: failingStore{full}, concerns: Capacity{Driver: testDriver}.concerns, changed: make(chan struct{}, 1)}
	for name, err := range map[string]error{
		"add": s.Add(ours), "update": s.Update(ours), "delete": s.Delete(ours), "replace": s.Replace([]any{ours}, "1"),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTaintFailures: while one of the requests fails, the node keeps its taint and the error is returned.
func TestTaintFailures(t *testing.T) {
	const damagedNode = `{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {taints: none}}`
	for name, tt := range map[string]struct {
		verb, resource string
		node           string
		says           string
	}{
		"no CSINode":     {"get", "csinodes", taintedNode, errBroken.Error()},
		"no node":        {"get", "nodes", taintedNode, errBroken.Error()},
		"no patch":       {"patch", "nodes", taintedNode, errBroken.Error()},
		"damaged taints": {"", "", damagedNode, "taints"},
	} {
		c, api := newFakeCluster(t, registeredNode, tt.node)
		if tt.verb != "" {
			failFirst(api, tt.verb, tt.resource, errBroken)
		}
		if removed, err := c.tryRemoveTaint(t.Context(), testDriver, testNode); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %t, %v", name, removed, err)
		}
	}
	c, _ := newFakeCluster(t, registeredNode, taintedNode)
	for _, want := range []bool{true, false} {
		if removed, err := c.tryRemoveTaint(t.Context(), testDriver, testNode); err != nil || removed != want {
			t.Errorf("removed: %t, %v; want %t", removed, err, want)
		}
	}
}

// TestListOfVolumesThatCannotBeRead: one invalid object fails the list.
func TestListOfVolumesThatCannotBeRead(t *testing.T) {
	for name, object := range map[string]string{
		"of another shape": `{"metadata": {"name": "a"}, "spec": {"csi": "x"}}`,
		"unsafe name":      `{"metadata": {"name": "a; reboot"}}`,
	} {
		if pv, err := readPersistentVolume(*parse(t, object)); err == nil {
			t.Errorf("%s: %+v", name, pv)
		}
	}
	if _, err := readPersistentVolume(*parse(t, `{"metadata": {"name": "a"}, "spec": {"csi": "x"}}`)); err == nil || !strings.HasPrefix(err.Error(), "PersistentVolume a: ") {
		t.Errorf("%v does not name the object", err)
	}
	server := kubetest.New(t, 1)
	server.Add(`{"metadata": {"name": "a"}}`, `{"metadata": {"name": "b; reboot"}}`)
	if got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context()); err == nil {
		t.Errorf("a list with an unsafe name: %+v", got)
	}
}
