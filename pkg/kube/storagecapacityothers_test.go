package kube

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// capacityObject returns a CSIStorageCapacity in the driver's namespace.
func capacityObject(name, class, driver, manager string) string {
	return fmt.Sprintf(`{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, storageClassName: %q, capacity: "1",
		metadata: {namespace: ns, name: %q, labels: {%q: %q, %q: %q}}}`, class, name, driverLabel, driver, managerLabel, manager)
}

// TestPublishCapacityDeletesOnlyItsOwn: other objects in the namespace belong to an external-provisioner, or to another
// installation of this driver with another name.
func TestPublishCapacityDeletesOnlyItsOwn(t *testing.T) {
	c, _ := newFakeCluster(t, controllerPod,
		capacityObject("of-a-class-that-is-gone", "gone", testDriver, manager),
		capacityObject("of-external-provisioner", "waits", testDriver, "external-provisioner"),
		capacityObject("of-another-driver", "waits", "other", manager),
		`{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, storageClassName: waits, metadata: {namespace: ns, name: by-hand}}`)
	o := Capacity{
		Driver: testDriver, Namespace: "ns", Pod: "controller-0",
		Room: func(context.Context, map[string]string, time.Time) (total, largest int64, err error) {
			return gib, gib, nil
		},
	}
	for range 2 {
		if err := c.publishCapacity(t.Context(), o, []any{parse(t, class("waits", testDriver, "WaitForFirstConsumer", ""))}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.capacities("ns").list(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(list.Items))
	for _, object := range list.Items {
		names = append(names, object.GetName())
	}
	slices.Sort(names)
	if want := []string{"by-hand", o.objectName("waits"), "of-another-driver", "of-external-provisioner"}; !slices.Equal(names, want) {
		t.Errorf("objects %v, want %v", names, want)
	}
}
