package migrate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

var errKilled = errors.New("the migration was killed")

// fakeAPI is an API server with the controllers that a migration meets: finalizers keep PersistentVolumes, claims lose their
// PersistentVolume and are bound again, and volumes of released PersistentVolumes with the policy Delete are deleted.
type fakeAPI struct {
	objects map[string]*unstructured.Unstructured // by resource/namespace/name
	mu      sync.Mutex
	version int
	uids    int

	calls         int
	killAt        int                                     // the call at which the migration is killed; 0 means never
	after         bool                                    // kill after the call took effect, not before
	deleted       map[string]bool                         // volumes that Kubernetes told the driver to delete, by PersistentVolume
	wasLost       map[string]int                          // number of calls during which a claim was Lost
	overflow      int                                     // the number of calls that counts as an endless loop
	used          map[string]bool                         // "verb resource"
	writes        int                                     // calls that were not dry runs
	refuses       error                                   // the error of every creation
	timesOut      error                                   // the error of the next creation, which takes effect
	refusesDelete error                                   // the error of every deletion
	refusesPatch  string                                  // the resource whose patches are refused
	patched       map[string]bool                         // claims that have changed since they were Lost
	mutates       func(object *unstructured.Unstructured) // a webhook that changes objects when they are created
	overlooked    int                                     // how many changes of claims Kubernetes handles before it has seen the new PersistentVolume
}

func newFakeAPI(s Sources) *fakeAPI {
	api := &fakeAPI{objects: map[string]*unstructured.Unstructured{}, deleted: map[string]bool{}, wasLost: map[string]int{}, overflow: 2000, used: map[string]bool{}, patched: map[string]bool{}}
	add := func(of kube.Resource, objects []unstructured.Unstructured) {
		for i := range objects {
			api.put(of, objects[i].DeepCopy())
		}
	}
	system := unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": kubeSystem, "uid": s.Objects.Cluster}}}
	add(namespacesResource(), []unstructured.Unstructured{system})
	add(volumesResource(), s.Objects.Volumes)
	add(claimsResource(), s.Objects.Claims)
	add(classesResource(), s.Objects.Classes)
	add(endpointsResource(), s.Objects.Endpoints)
	add(servicesResource(), s.Objects.Services)
	add(podsResource(), s.Objects.Pods)
	return api
}

func objectKey(of kube.Resource, namespace, name string) string {
	return of.Name + "/" + namespace + "/" + name
}

func (a *fakeAPI) put(of kube.Resource, object *unstructured.Unstructured) {
	a.version++
	object.SetResourceVersion(strconv.Itoa(a.version))
	a.objects[objectKey(of, object.GetNamespace(), object.GetName())] = object
}

// call counts a call and carries it out, unless the migration is killed at it.
func (a *fakeAPI) call(verb string, of kube.Resource, carryOut func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used[verb+" "+of.Name] = true
	a.calls++
	if a.calls > a.overflow {
		return errors.New("too many calls")
	}
	if a.killAt > 0 && a.calls > a.killAt || a.calls == a.killAt && !a.after {
		return errKilled
	}
	err := carryOut()
	a.control()
	if a.calls == a.killAt {
		return errKilled
	}
	return err
}

func (a *fakeAPI) admit(object *unstructured.Unstructured) {
	if a.mutates != nil {
		a.mutates(object)
	}
}

func notFound(of kube.Resource, name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Group: of.Group, Resource: of.Name}, name)
}

func (a *fakeAPI) Get(_ context.Context, of kube.Resource, namespace, name string) (found *unstructured.Unstructured, err error) {
	err = a.call("get", of, func() error {
		object := a.objects[objectKey(of, namespace, name)]
		if object == nil {
			return notFound(of, name)
		}
		found = object.DeepCopy()
		return nil
	})
	return found, err
}

func (a *fakeAPI) List(_ context.Context, of kube.Resource, namespace, _ string, keep func(unstructured.Unstructured) bool) (found []unstructured.Unstructured, err error) {
	err = a.call("list", of, func() error {
		for _, key := range slices.Sorted(maps.Keys(a.objects)) {
			if object := a.objects[key]; strings.HasPrefix(key, of.Name+"/"+namespace) && keep(*object) {
				found = append(found, *object.DeepCopy())
			}
		}
		return nil
	})
	return found, err
}

func (a *fakeAPI) Create(_ context.Context, of kube.Resource, object *unstructured.Unstructured) error {
	return a.call("create", of, func() error {
		a.writes++
		if a.objects[objectKey(of, object.GetNamespace(), object.GetName())] != nil {
			return apierrors.NewAlreadyExists(schema.GroupResource{Resource: of.Name}, object.GetName())
		}
		if a.refuses != nil {
			return a.refuses
		}
		made := object.DeepCopy()
		a.admit(made)
		a.uids++
		made.SetUID(types.UID("made-" + strconv.Itoa(a.uids)))
		if of == volumesResource() {
			made.SetFinalizers([]string{"kubernetes.io/pv-protection"})
			_ = unstructured.SetNestedField(made.Object, "Available", "status", "phase")
		}
		a.put(of, made)
		err := a.timesOut
		a.timesOut = nil
		return err
	})
}

func (a *fakeAPI) DryRunCreate(_ context.Context, of kube.Resource, object *unstructured.Unstructured) (made *unstructured.Unstructured, err error) {
	err = a.call("create", of, func() error {
		if a.refuses != nil {
			return a.refuses
		}
		if a.objects[objectKey(of, object.GetNamespace(), object.GetName())] != nil {
			return apierrors.NewAlreadyExists(schema.GroupResource{Resource: of.Name}, object.GetName())
		}
		made = object.DeepCopy()
		a.admit(made)
		return nil
	})
	return made, err
}

func (a *fakeAPI) Patch(_ context.Context, of kube.Resource, namespace, name string, patch []byte) error {
	return a.call("patch", of, func() error {
		a.writes++
		if err := a.checkPatch(of, namespace, name); err != nil {
			return err
		}
		object := a.objects[objectKey(of, namespace, name)]
		var change map[string]any
		if err := json.Unmarshal(patch, &change); err != nil {
			return err
		}
		if uid, ok, _ := unstructured.NestedString(change, "metadata", "uid"); ok && uid != string(object.GetUID()) {
			return apierrors.NewInvalid(schema.GroupKind{Kind: of.Name}, name, nil) // the field is immutable
		}
		if version, ok, _ := unstructured.NestedString(change, "metadata", "resourceVersion"); ok && version != object.GetResourceVersion() {
			return apierrors.NewConflict(schema.GroupResource{Resource: of.Name}, name, errors.New("changed"))
		}
		if of == claimsResource() && a.overlooked > 0 {
			a.overlooked--
		} else {
			a.patched[name] = true
		}
		merge(object.Object, change)
		a.put(of, object)
		return nil
	})
}

func (a *fakeAPI) DryRunPatch(_ context.Context, of kube.Resource, namespace, name string, _ []byte) error {
	return a.call("patch", of, func() error { return a.checkPatch(of, namespace, name) })
}

func (a *fakeAPI) checkPatch(of kube.Resource, namespace, name string) error {
	switch {
	case a.objects[objectKey(of, namespace, name)] == nil:
		return notFound(of, name)
	case of.Name == a.refusesPatch:
		return apierrors.NewForbidden(schema.GroupResource{Resource: of.Name}, name, errors.New("no patches"))
	}
	return nil
}

func merge(into, change map[string]any) {
	for key, value := range change {
		child, isMap := value.(map[string]any)
		was, wasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(was, child)
		default:
			into[key] = value
		}
	}
}

func (a *fakeAPI) DryRunDelete(_ context.Context, of kube.Resource, namespace, name, uid string) error {
	return a.call("delete", of, func() error { return a.checkDelete(of, namespace, name, uid) })
}

func (a *fakeAPI) checkDelete(of kube.Resource, namespace, name, uid string) error {
	object := a.objects[objectKey(of, namespace, name)]
	switch {
	case object == nil:
		return notFound(of, name)
	case string(object.GetUID()) != uid:
		return apierrors.NewConflict(schema.GroupResource{Resource: of.Name}, name, errors.New("another uid"))
	}
	return a.refusesDelete
}

func (a *fakeAPI) Delete(_ context.Context, of kube.Resource, namespace, name, uid string) error {
	return a.call("delete", of, func() error {
		a.writes++
		key := objectKey(of, namespace, name)
		object := a.objects[key]
		err := a.checkDelete(of, namespace, name, uid)
		switch {
		case err != nil:
			return err
		case len(object.GetFinalizers()) == 0:
			delete(a.objects, key)
			if of == servicesResource() { // kube-controller-manager then deletes the Endpoints of that name
				delete(a.objects, objectKey(endpointsResource(), namespace, name))
			}
			return nil
		}
		_ = unstructured.SetNestedField(object.Object, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")
		a.put(of, object)
		return nil
	})
}
