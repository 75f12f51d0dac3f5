package migrate

import (
	"context"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Collect reads from the API server everything that a plan is made from. It keeps only pods that use claims or gluster volumes.
func Collect(ctx context.Context, api API) (o Objects, err error) {
	if o.Cluster, err = clusterOf(ctx, api); err != nil {
		return Objects{}, err
	}
	err = readLists(ctx, api,
		list{&o.Volumes, volumesResource(), "PersistentVolume", everything},
		list{&o.Claims, claimsResource(), "PersistentVolumeClaim", everything},
		list{&o.Classes, classesResource(), "StorageClass", everything},
		list{&o.Endpoints, endpointsResource(), "Endpoints", everything},
		list{&o.Services, servicesResource(), "Service", everything},
		list{&o.Pods, podsResource(), "Pod", usesVolumes})
	return o, err
}

// CollectVolumes reads only PersistentVolumes and claims, for Status.
func CollectVolumes(ctx context.Context, api API) (Objects, error) {
	var o Objects
	err := readLists(ctx, api,
		list{&o.Volumes, volumesResource(), "PersistentVolume", everything},
		list{&o.Claims, claimsResource(), "PersistentVolumeClaim", everything})
	return o, err
}

// list is a resource whose objects of all namespaces are read into a slice.
type list struct {
	into *[]unstructured.Unstructured
	of   kube.Resource
	kind string
	keep func(unstructured.Unstructured) bool
}

// readLists reads several lists concurrently.
func readLists(ctx context.Context, api API, lists ...list) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range lists {
		group.Go(func() (err error) {
			*l.into, err = api.List(ctx, l.of, "", l.kind, l.keep)
			return err
		})
	}
	return group.Wait()
}

func everything(unstructured.Unstructured) bool { return true }

func usesVolumes(object unstructured.Unstructured) bool {
	volumes, _, _ := unstructured.NestedSlice(object.Object, "spec", "volumes")
	for _, v := range volumes {
		fields, _ := v.(map[string]any)
		if fields["persistentVolumeClaim"] != nil || fields["glusterfs"] != nil || fields["ephemeral"] != nil {
			return true
		}
	}
	return false
}
