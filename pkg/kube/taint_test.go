package kube

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

const (
	registeredNode = `{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n1}, spec: {drivers: [{name: other}, {name: glusterfs.csi.gluster.org}]}}`
	strangeNode    = `{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n1}, spec: {drivers: [{name: other}]}}`
	taintedNode    = `{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {taints: [
		{key: glusterfs.csi.gluster.org/agent-not-ready, effect: NoSchedule}, {key: mine, value: x, effect: NoExecute},
		{key: glusterfs.csi.gluster.org/agent-not-ready, effect: NoExecute}]}}`
)

func fastRetry() wait.Backoff { return wait.Backoff{Duration: time.Millisecond} }

// taints returns the keys of the node's taints.
func taints(t *testing.T, c *Client) (keys []string) {
	t.Helper()
	node, err := c.resource("", "nodes", "").api.Get(t.Context(), testNode, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := unstructured.NestedSlice(node.Object, "spec", "taints")
	if err != nil {
		t.Fatal(err)
	}
	for _, taint := range list {
		keys = append(keys, taint.(map[string]any)["key"].(string))
	}
	return keys
}

func TestRemoveTaint(t *testing.T) {
	c, _ := newFakeCluster(t, registeredNode, taintedNode)
	c.RemoveNotReadyTaint(t.Context(), testDriver, testNode)
	if diff := cmp.Diff([]string{"mine"}, taints(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveTaintThatIsNotThere(t *testing.T) {
	for name, node := range map[string]string{
		"other taint": `{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {taints: [{key: mine, effect: NoSchedule}]}}`,
		"no taints":   `{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {}}`,
	} {
		c, api := newFakeCluster(t, registeredNode, node)
		c.RemoveNotReadyTaint(t.Context(), testDriver, testNode)
		if n := count(api, "patch"); n != 0 {
			t.Errorf("%s: %d patches", name, n)
		}
	}
}

// TestRemoveTaintWaitsForTheDriver: the taint stays until the CSINode object lists the driver.
func TestRemoveTaintWaitsForTheDriver(t *testing.T) {
	c, api := newFakeCluster(t, strangeNode, taintedNode)
	done := make(chan struct{})
	run(t, func(ctx context.Context) {
		defer close(done)
		c.removeNotReadyTaint(ctx, testDriver, testNode, fastRetry())
	})
	for count(api, "get") < 3 {
		time.Sleep(time.Millisecond)
	}
	if n := count(api, "patch"); n != 0 {
		t.Errorf("%d patches of a node without the driver", n)
	}
	if _, err := c.resource("storage.k8s.io", "csinodes", "").api.Update(t.Context(), parse(t, registeredNode), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	<-done
	if diff := cmp.Diff([]string{"mine"}, taints(t, c)); diff != "" {
		t.Error(diff)
	}
}

// TestRemoveTaintKeepsWhatOthersWrite: a taint that another client adds between the read and the write is kept.
func TestRemoveTaintKeepsWhatOthersWrite(t *testing.T) {
	c, api := newFakeCluster(t, registeredNode, taintedNode)
	changed := false
	api.PrependReactor("patch", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		if changed {
			return false, nil, nil
		}
		changed = true
		node := parse(t, taintedNode)
		list, _, _ := unstructured.NestedSlice(node.Object, "spec", "taints")
		_ = unstructured.SetNestedSlice(node.Object, append(list, map[string]any{"key": "drain", "effect": "NoExecute"}), "spec", "taints")
		return false, nil, api.Tracker().Update(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, node, "")
	})
	c.removeNotReadyTaint(t.Context(), testDriver, testNode, fastRetry())
	if diff := cmp.Diff([]string{"mine", "drain"}, taints(t, c)); diff != "" {
		t.Error(diff)
	}
	if n := count(api, "patch"); n != 2 {
		t.Errorf("%d patches, want one that fails and one that does not", n)
	}
}

func TestRemoveTaintForbidden(t *testing.T) {
	c, api := newFakeCluster(t, registeredNode, taintedNode)
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, testNode, errors.New(`User "x" cannot patch resource "nodes"`))
	failFirst(api, "patch", "nodes", forbidden, forbidden, forbidden)
	var log bytes.Buffer
	ctx := klog.NewContext(t.Context(), textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&log))))
	c.removeNotReadyTaint(ctx, testDriver, testNode, fastRetry())
	if diff := cmp.Diff([]string{"mine"}, taints(t, c)); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(log.String(), "must allow: get csinodes.storage.k8s.io, get and patch nodes"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// TestRemoveTaintPauses: the pauses grow, up to a minute.
func TestRemoveTaintPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := newFakeCluster(t) // neither node nor CSINode
		run(t, func(ctx context.Context) { c.RemoveNotReadyTaint(ctx, testDriver, testNode) })
		for after, want := range []int{1, 2, 2, 3, 3, 3, 3, 4} { // after 0, 1, 3 and 7 seconds
			synctest.Wait()
			if n := count(api, "get"); n != want {
				t.Errorf("%d requests after %d seconds, want %d", n, after, want)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		before := count(api, "get")
		time.Sleep(time.Hour)
		if n := count(api, "get") - before; n != 60 {
			t.Errorf("%d requests in an hour, want 60", n)
		}
	})
}

func TestRemoveTaintEndsWithItsContext(t *testing.T) {
	c, _ := newFakeCluster(t) // neither node nor CSINode
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.RemoveNotReadyTaint(ctx, testDriver, testNode)
}
