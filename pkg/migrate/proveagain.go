package migrate

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// proveAgain repeats the proof of a volume, with the evidence that the plan names.
func (a *Applier) proveAgain(ctx context.Context, v VolumePlan) error {
	inventories := a.Inventories.Get(ctx)
	if v.Kind == Static {
		return a.proveStaticAgain(v, inventories)
	}
	return proveDynamicAgain(*v.Heketi, inventories)
}

// proveDynamicAgain compares Heketi's present record of a volume with the plan's.
func proveDynamicAgain(planned HeketiVolume, inventories []Inventory) error {
	inventory, err := inventoryOf(inventories, planned.Backend)
	if err != nil {
		return err
	}
	now, ok := inventory.Dump.Volumes[planned.ID]
	is := HeketiVolume{Backend: planned.Backend, ID: planned.ID, Name: now.Name, SizeGiB: now.SizeGiB, Cluster: now.Cluster, GID: now.GID}
	switch {
	case !ok:
		return fmt.Errorf("%w: Heketi has no volume %s any more", ErrChanged, planned.ID)
	case now.Pending != "":
		return fmt.Errorf("an operation of Heketi is changing volume %s (%s)", planned.ID, now.Pending)
	case is != planned:
		return fmt.Errorf("%w: in Heketi, the volume is now %s with %d GiB and group %d in cluster %s; in the plan, it is %s with %d GiB and group %d in cluster %s", ErrChanged,
			is.Name, is.SizeGiB, is.GID, is.Cluster, planned.Name, planned.SizeGiB, planned.GID, planned.Cluster)
	}
	return nil
}

// proveStaticAgain proves that a volume that was made by hand still exists. One of several proofs is enough.
func (a *Applier) proveStaticAgain(v VolumePlan, inventories []Inventory) error {
	var found []Inventory
	var unusable []string
	for _, backend := range v.ProvenBy.Backends {
		inventory, err := inventoryOf(inventories, backend)
		if err != nil {
			unusable = append(unusable, err.Error())
			continue
		}
		found = append(found, inventory)
	}
	var listed []GlusterVolume
	switch {
	case v.ProvenBy.VolumeInfo && a.VolumeInfo == nil:
		unusable = append(unusable, "the plan was proven with gluster volume info; give its present output with --volume-info=FILE")
	case v.ProvenBy.VolumeInfo:
		listed = a.VolumeInfo
	}
	if len(found) == 0 && listed == nil {
		return fmt.Errorf("cannot prove again that gluster volume %s exists: %s", v.Source.Volume, strings.Join(unusable, "; "))
	}
	proof, err := proveStatic(v.Source, found, listed)
	switch {
	case err != nil && len(unusable) > 0: // a record that could not be read may list the volume
		return fmt.Errorf("%w; and %s", err, strings.Join(unusable, "; "))
	case err != nil:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	list, _, _ := unstructured.NestedString(v.Replacement, "spec", "csi", "volumeAttributes", volume.ContextServers)
	if planned := strings.Split(list, ","); len(v.Source.Servers) == 0 && !mayBeSame(planned, proof.servers) {
		return fmt.Errorf("%w: gluster volume %s was on the servers %s, and is on %s", ErrChanged, v.Source.Volume, list, strings.Join(proof.servers, ","))
	}
	return nil
}
