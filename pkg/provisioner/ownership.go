package provisioner

import (
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// databaseVolume is where a Heketi in Kubernetes keeps its own database.
const databaseVolume = "heketidbstorage"

// checkOwner refuses a volume that must not be changed or deleted under this handle.
func checkOwner(handle volume.Handle, v heketi.Volume) error {
	const field = "volume_id"
	switch {
	case v.Name == databaseVolume:
		return volume.Invalid(field, handle.String(), "must not be the volume that holds Heketi's own database")
	case v.Block:
		return volume.Invalid(field, handle.String(), fmt.Sprintf("must not be a volume that hosts block volumes, as gluster volume %q does", v.Name))
	case volume.IsOurs(v.Name) || handle.Adopted:
		return nil
	}
	adopted := handle
	adopted.Adopted = true
	return volume.Invalid(field, handle.String(),
		fmt.Sprintf("must be a volume that this driver made, and gluster volume %q was made by somebody else; the handle %s would put it into "+
			"this driver's hands", v.Name, adopted))
}
