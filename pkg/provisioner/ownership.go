package provisioner

import (
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// databaseVolume is the volume in which a Heketi in Kubernetes keeps its own database.
const databaseVolume = "heketidbstorage"

// ownersPage documents whose volumes the driver changes.
const ownersPage = "docs/parameters.md#whose-volumes-are-deleted-and-expanded"

// checkOwner refuses a volume that must not be changed or deleted under this handle. A handle is no proof of ownership: anyone
// who may write a PersistentVolume can write any handle.
func checkOwner(backend *heketi.Backend, handle volume.Handle, v heketi.Volume) error {
	const field = "volume_id"
	switch {
	case v.Name == databaseVolume:
		return volume.Invalid(field, handle.String(), "must not be the volume that holds Heketi's own database")
	case v.Block:
		return volume.Invalid(field, handle.String(), fmt.Sprintf("must not be a volume that hosts block volumes, as gluster volume %q does", v.Name))
	case handle.Adopted && !backend.Adopts():
		return volume.Invalid(field, handle.String(), fmt.Sprintf("must not end in /adopted, because backend %q has adopt: false; see %s", backend.Name(), ownersPage))
	case volume.IsOurs(v.Name) && !backend.OfThisInstallation(v.Name):
		return volume.Invalid(field, handle.String(), fmt.Sprintf("must be a volume of this installation: gluster volume %q does not begin with %q, the "+
			"volumeNamePrefix of backend %q; see %s", v.Name, backend.VolumeNamePrefix()+"_csi-", backend.Name(), ownersPage))
	case volume.IsOurs(v.Name) || handle.Adopted:
		return nil
	}
	adopted := handle
	adopted.Adopted = true
	return volume.Invalid(field, handle.String(),
		fmt.Sprintf("must be a volume that this driver made, and gluster volume %q is not one; the handle %s would put that volume under "+
			"this driver's control", v.Name, adopted))
}

// withPrefix returns the naming with the prefix of the installation. It refuses a class with another prefix, because the driver
// could never delete the volumes of that class.
func withPrefix(backend *heketi.Backend, naming volume.Naming) (volume.Naming, error) {
	own := backend.VolumeNamePrefix()
	if own == "" || naming.Prefix == own {
		return naming, nil
	}
	if naming.Prefix != "" {
		return naming, volume.Invalid("volumenameprefix", naming.Prefix,
			fmt.Sprintf("must be %q, the volumeNamePrefix of backend %q, or absent; see %s", own, backend.Name(), ownersPage))
	}
	naming.Prefix = own
	return naming, nil
}
