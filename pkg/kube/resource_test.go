package kube

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
)

// TestAddPages: the store gets every object of every page, the returned list has none, and no error is lost, because an object
// that is missing in a list counts as deleted.
func TestAddPages(t *testing.T) {
	server := kubetest.New(t, 1)
	server.Add(`{"metadata": {"name": "a"}}`, `{"metadata": {"name": "b"}}`)
	volumes := connect(t, server.Kubeconfig(t)).resource("", "persistentvolumes", "list persistentvolumes")
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	list, err := volumes.addPages(t.Context(), store)
	if err != nil || len(store.List()) != 2 || len(list.Items) != 0 || list.GetResourceVersion() != "7" {
		t.Errorf("%v, %v, the store has %d", list, err, len(store.List()))
	}
	if list, err := volumes.addPages(t.Context(), failingStore{}); !errors.Is(err, errBroken) {
		t.Errorf("a store that is full: %v, %v", list, err)
	}
	server.Fail(0, "", "")
	server.Fail(http.StatusInternalServerError, "InternalError", "etcd has no leader")
	if list, err := volumes.addPages(t.Context(), cache.NewStore(cache.MetaNamespaceKeyFunc)); err == nil {
		t.Errorf("without the second page: %v", list)
	}
}

// slowAPI is an API server that delays watches.
type slowAPI struct {
	dynamic.Interface
	asked, answer chan struct{}
}

func (a slowAPI) Resource(r schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return slowResource{a.Interface.Resource(r), a}
}

type slowResource struct {
	dynamic.NamespaceableResourceInterface
	api slowAPI
}

func (r slowResource) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	r.api.asked <- struct{}{}
	<-r.api.answer
	return nil, errBroken
}

// TestNothingOutlivesItsCall: when a call returns, the watch that it started has ended.
func TestNothingOutlivesItsCall(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Client){
		"AnnotateGIDs":    func(ctx context.Context, c *Client) { c.AnnotateGIDs(ctx, testDriver) },
		"PublishCapacity": func(ctx context.Context, c *Client) { c.PublishCapacity(ctx, Capacity{Driver: testDriver}) },
	} {
		_, fake := newFakeCluster(t)
		api := slowAPI{fake, make(chan struct{}, 1), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan struct{})
		go func() { defer close(returned); call(ctx, &Client{api: api}) }()
		<-api.asked
		cancel()
		select {
		case <-returned:
			t.Errorf("%s has returned while its watch goes on", name)
		case <-time.After(100 * time.Millisecond):
		}
		close(api.answer)
		<-returned
	}
}

// TestRequestsFail: every failure of a request is returned.
func TestRequestsFail(t *testing.T) {
	c, api := newFakeCluster(t, taintedNode)
	nodes := c.resource("", "nodes", "get nodes")
	object := parse(t, taintedNode)
	for verb, request := range map[string]func() error{
		"get":    func() error { _, err := nodes.get(t.Context(), testNode); return err },
		"list":   func() error { _, err := c.capacities("ns").list(t.Context(), metav1.ListOptions{}); return err },
		"create": func() error { return nodes.create(t.Context(), object) },
		"update": func() error { return nodes.update(t.Context(), object) },
		"patch":  func() error { return nodes.patch(t.Context(), testNode, types.MergePatchType, []byte("{}")) },
		"delete": func() error { return nodes.delete(t.Context(), testNode) },
	} {
		failFirst(api, verb, "*", errBroken)
		if err := request(); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	api.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, errBroken })
	if _, err := nodes.watch(t.Context(), metav1.ListOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("watch: %v", err)
	}
}
