package migrate

import (
	"context"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Collect reads from the API server what a plan is made from. Of pods, only those that use claims or gluster volumes are kept.
func Collect(ctx context.Context, api API) (Objects, error) {
	var o Objects
	group, ctx := errgroup.WithContext(ctx)
	list := func(into *[]unstructured.Unstructured, of kube.Resource, kind string, keep func(unstructured.Unstructured) bool) {
		group.Go(func() (err error) {
			*into, err = api.List(ctx, of, "", kind, keep)
			return err
		})
	}
	all := func(unstructured.Unstructured) bool { return true }
	list(&o.Volumes, volumesResource(), "PersistentVolume", all)
	list(&o.Claims, claimsResource(), "PersistentVolumeClaim", all)
	list(&o.Classes, classesResource(), "StorageClass", all)
	list(&o.Endpoints, endpointsResource(), "Endpoints", all)
	list(&o.Services, servicesResource(), "Service", all)
	list(&o.Pods, podsResource(), "Pod", usesVolumes)
	return o, group.Wait()
}

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

// ReadInventories reads the records of every backend. One that cannot be read does not keep the others from being used.
func ReadInventories(ctx context.Context, backends []*heketi.Backend) []Inventory {
	inventories := make([]Inventory, len(backends))
	var group errgroup.Group
	for i, b := range backends {
		group.Go(func() error {
			inventories[i] = readInventory(ctx, b)
			return nil
		})
	}
	_ = group.Wait()
	return inventories
}

func readInventory(ctx context.Context, b *heketi.Backend) Inventory {
	inventory := Inventory{Backend: b.Name()}
	client, err := b.Client(volume.Credentials{})
	if err == nil {
		inventory.Dump, err = client.Dump(ctx)
	}
	inventory.Err = err
	return inventory
}
