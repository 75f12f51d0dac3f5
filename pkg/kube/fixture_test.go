package kube

import (
	"context"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

const (
	testDriver = "glusterfs.csi.gluster.org"
	testNode   = "n1"
)

// newFakeCluster returns a client of client-go's fake API server with the given objects, in YAML.
func newFakeCluster(t *testing.T, objects ...string) (*Client, *fake.FakeDynamicClient) {
	t.Helper()
	parsed := make([]runtime.Object, 0, len(objects))
	for _, object := range objects {
		parsed = append(parsed, parse(t, object))
	}
	api := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		{Version: "v1", Resource: "persistentvolumes"}:                             "PersistentVolumeList",
		{Version: "v1", Resource: "nodes"}:                                         "NodeList",
		{Version: "v1", Resource: "pods"}:                                          "PodList",
		{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}:       "StorageClassList",
		{Group: "storage.k8s.io", Version: "v1", Resource: "csistoragecapacities"}: "CSIStorageCapacityList",
	}, parsed...)
	return &Client{api: api}, api
}

func parse(t *testing.T, object string) *unstructured.Unstructured {
	t.Helper()
	var u unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(object), &u.Object); err != nil {
		t.Fatal(err)
	}
	return &u
}

// failFirst makes the first requests of the verb on the resource fail.
func failFirst(api *fake.FakeDynamicClient, verb, resource string, failures ...error) {
	var mu sync.Mutex
	api.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(failures) == 0 {
			return false, nil, nil
		}
		err := failures[0]
		failures = failures[1:]
		return true, nil, err
	})
}

// count returns how many requests of the verb there were.
func count(api *fake.FakeDynamicClient, verb string) (n int) {
	for _, action := range api.Actions() {
		if action.GetVerb() == verb {
			n++
		}
	}
	return n
}

// run runs f until the test ends, and then waits for it to return.
func run(t *testing.T, f func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}
