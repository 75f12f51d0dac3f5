package kube

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
)

// Capacity configures PublishCapacity, which publishes the free space for each StorageClass of the driver as a CSIStorageCapacity
// object. The scheduler compares these objects with claims whose class has WaitForFirstConsumer.
//
// external-provisioner offers this, too, but its version 6.3.0 cannot do it for a driver without topology. The API server omits an
// empty nodeTopology in its answers. So external-provisioner does not recognise its own objects and deletes them at once, and pods
// wait for ever.
type Capacity struct {
	// Driver is the provisioner of the classes.
	Driver string
	// Namespace and Pod are this process's. The objects are in the namespace, and are deleted with the pod's StatefulSet.
	Namespace, Pod string
	// Interval is the maximum age of a figure. A new or changed class is updated immediately.
	Interval time.Duration
	// Immediate includes classes without WaitForFirstConsumer, for which the scheduler does not use the objects.
	Immediate bool
	// Room returns how many bytes can at most be provisioned with a class's parameters, in total and in one volume. Room must not
	// use data that is older than since. All classes of one round have the same since, so they can share the data.
	Room func(ctx context.Context, parameters map[string]string, since time.Time) (total, largest int64, err error)
}

const (
	capacityRetry = 15 * time.Second
	driverLabel   = "csi.storage.k8s.io/drivername"
	managerLabel  = "csi.storage.k8s.io/managed-by"
	manager       = "glusterfs-csi"

	classVerbs    = "list and watch storageclasses.storage.k8s.io"
	capacityVerbs = "list, create, update and delete csistoragecapacities.storage.k8s.io, and get its own pod"
)

// PublishCapacity creates and updates the objects until ctx is done. While the space for a class is not known, its object keeps no
// pod waiting. After a failure, the next round begins before the interval is over. Each further failure doubles the pause, up to
// the interval, because a class with a mistake fails for ever and each round costs every backend a dump.
func (c *Client) PublishCapacity(ctx context.Context, o Capacity) {
	logger := klog.FromContext(ctx)
	classes := &noticedStore{Store: cache.NewStore(cache.MetaNamespaceKeyFunc), concerns: o.concerns, changed: make(chan struct{}, 1)}
	reflector := c.resource("storage.k8s.io", "storageclasses", classVerbs).reflector(logger, "publish-capacity", "storageclasses", classes)
	watched := make(chan struct{})
	go func() { defer close(watched); reflector.RunWithContext(ctx) }()
	defer func() { <-watched }()

	var next <-chan time.Time // nil until the classes are known
	var said logging.LastText
	retry := capacityRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-classes.changed:
		case <-next:
		}
		err := c.publishCapacity(ctx, o, classes.List())
		if said.IsNewError(err) && ctx.Err() == nil {
			logger.Error(err, "Not all capacity can be published; trying again")
		}
		if err == nil {
			next, retry = time.After(o.Interval), capacityRetry
		} else {
			next, retry = time.After(min(o.Interval, retry)), min(o.Interval, 2*retry)
		}
	}
}

// publishCapacity updates the objects. A failure for one class does not affect the others.
func (c *Client) publishCapacity(ctx context.Context, o Capacity, classes []any) error {
	began := time.Now()
	objects := c.capacities(o.Namespace)
	list, err := objects.list(ctx, metav1.ListOptions{LabelSelector: driverLabel + "=" + o.Driver + "," + managerLabel + "=" + manager})
	if err != nil {
		return err
	}
	left := map[string]*unstructured.Unstructured{} // by name
	for i := range list.Items {
		left[list.Items[i].GetName()] = &list.Items[i]
	}
	var problems []error
	for _, class := range classes {
		class, ok := class.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		name := o.objectName(class.GetName())
		if err := c.publishClass(ctx, o, class, left[name], began); err != nil {
			problems = append(problems, fmt.Errorf("StorageClass %s: %w", class.GetName(), err))
		}
		delete(left, name)
	}
	for name := range left {
		problems = append(problems, objects.delete(ctx, name))
	}
	return errors.Join(problems...)
}

func (c *Client) capacities(namespace string) resource {
	return c.namespaced("storage.k8s.io", "csistoragecapacities", namespace, capacityVerbs)
}

func (o Capacity) concerns(class *unstructured.Unstructured) bool {
	provisioner, _, _ := unstructured.NestedString(class.Object, "provisioner")
	mode, _, _ := unstructured.NestedString(class.Object, "volumeBindingMode")
	return provisioner == o.Driver && (o.Immediate || mode == "WaitForFirstConsumer")
}

// objectName returns the name of a class's object. The name is always the same, so that a class never has two objects.
func (o Capacity) objectName(class string) string {
	sum := sha256.Sum256([]byte(o.Driver + "/" + class))
	return fmt.Sprintf("csisc-%x", sum[:8])
}

// plenty, 1 EiB, is published for a class whose space is not known. Without an object, or with an old figure, the scheduler would
// keep the class's pods waiting for space, and no user would see the reason, which CreateVolume returns.
const plenty = 1 << 60

// publishClass writes the object of one class if it has changed. The parameter present is the existing object, or nil. If Room
// fails, publishClass returns the error of Room even if it has written the object.
func (c *Client) publishClass(ctx context.Context, o Capacity, class, present *unstructured.Unstructured, since time.Time) error {
	parameters, _, err := unstructured.NestedStringMap(class.Object, "parameters")
	if err != nil {
		return err
	}
	total, largest, unknown := o.Room(ctx, parameters, since)
	if unknown != nil {
		total, largest = plenty, plenty
	}
	if present != nil {
		if bytesOf(present, "capacity") == total && bytesOf(present, "maximumVolumeSize") == largest {
			return unknown
		}
		setBytes(present, total, largest)
		return errors.Join(unknown, c.capacities(o.Namespace).update(ctx, present))
	}
	owner, err := c.owner(ctx, o)
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
		"storageClassName": class.GetName(),
		"nodeTopology":     map[string]any{}, // every node reaches every volume; without this selector, none would
	}}
	object.SetName(o.objectName(class.GetName()))
	object.SetLabels(map[string]string{driverLabel: o.Driver, managerLabel: manager})
	object.SetOwnerReferences([]metav1.OwnerReference{owner})
	setBytes(object, total, largest)
	return errors.Join(unknown, c.capacities(o.Namespace).create(ctx, object))
}

// owner returns the pod's controller, so that a new pod finds the objects, or else the pod itself.
func (c *Client) owner(ctx context.Context, o Capacity) (metav1.OwnerReference, error) {
	pod, err := c.namespaced("", "pods", o.Namespace, capacityVerbs).get(ctx, o.Pod)
	if err != nil {
		return metav1.OwnerReference{}, err
	}
	if of := metav1.GetControllerOf(pod); of != nil {
		return metav1.OwnerReference{APIVersion: of.APIVersion, Kind: of.Kind, Name: of.Name, UID: of.UID}, nil
	}
	return metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: pod.GetName(), UID: pod.GetUID()}, nil
}

func setBytes(object *unstructured.Unstructured, total, largest int64) {
	object.Object["capacity"] = strconv.FormatInt(total, 10)
	object.Object["maximumVolumeSize"] = strconv.FormatInt(largest, 10)
}

// bytesOf returns a quantity of the object, or -1 if it has none.
func bytesOf(object *unstructured.Unstructured, field string) int64 {
	text, _, _ := unstructured.NestedString(object.Object, field)
	quantity, err := apiresource.ParseQuantity(text)
	if err != nil {
		return -1
	}
	return quantity.Value()
}

// noticedStore keeps the classes of the driver, and signals when one of them has changed.
type noticedStore struct {
	cache.Store
	concerns func(class *unstructured.Unstructured) bool
	changed  chan struct{}
}

func (s *noticedStore) noticed(err error) error {
	select {
	case s.changed <- struct{}{}:
	default: // a signal is already waiting
	}
	return err
}

// Add stores a new class, or a newer version of one.
func (s *noticedStore) Add(object any) error {
	if class, ok := object.(*unstructured.Unstructured); ok && s.concerns(class) {
		return s.noticed(s.Store.Add(object))
	}
	return nil
}

// Update does the same as Add: the fields by which concerns decides cannot change.
func (s *noticedStore) Update(object any) error { return s.Add(object) }

// Delete removes a class.
func (s *noticedStore) Delete(object any) error {
	if _, known, err := s.Get(object); !known {
		return err
	}
	return s.noticed(s.Store.Delete(object))
}

// Replace stores a list.
func (s *noticedStore) Replace(objects []any, version string) error {
	objects = slices.DeleteFunc(slices.Clone(objects), func(object any) bool {
		class, ok := object.(*unstructured.Unstructured)
		return !ok || !s.concerns(class)
	})
	return s.noticed(s.Store.Replace(objects, version))
}
