package driver

import (
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// checkCapability checks that a gluster volume can be used as c describes. field is the name of c in the error.
func checkCapability(field string, c *csi.VolumeCapability) error {
	if err := checkAccess(field, c); err != nil {
		return err
	}
	if _, err := mount.ParseOptions(c.GetMount().GetMountFlags()); err != nil {
		return fmt.Errorf("%s.mount.mount_flags: %w", field, err)
	}
	return nil
}

// checkAccess checks the capability except for the mount flags. Only staging uses the flags of an existing volume.
func checkAccess(field string, c *csi.VolumeCapability) error {
	if c == nil {
		return volume.Invalid(field, "", "must be given")
	}
	if err := checkAccessMode(field+".access_mode", c.GetAccessMode().GetMode()); err != nil {
		return err
	}
	switch {
	case c.GetBlock() != nil:
		return volume.Invalid(field+".access_type", "block",
			"must be mount: gluster volumes are file systems; for Kubernetes write volumeMode: Filesystem")
	case c.GetMount() == nil:
		return volume.Invalid(field+".access_type", "", "must be mount")
	}
	return nil
}

// checkFsType refuses the name of a disk file system. Such a name is a mistake that should be reported before a volume depends on
// it. It comes from the flag --default-fstype of external-provisioner or from csi.storage.k8s.io/fstype in the StorageClass;
// otherwise fs_type is empty. Staging and expanding do not call checkFsType, because the PersistentVolume of an existing volume
// cannot be changed any more.
func checkFsType(field string, c *csi.VolumeCapability) error {
	if fsType := c.GetMount().GetFsType(); ofDisk(fsType) {
		return volume.Invalid(field+".mount.fs_type", fsType, `must be empty or "glusterfs": gluster volumes are never formatted; `+
			"remove csi.storage.k8s.io/fstype from the StorageClass and --default-fstype from external-provisioner")
	}
	return nil
}

func ofDisk(fsType string) bool {
	return fsType != "" && fsType != "glusterfs" && fsType != "fuse.glusterfs"
}

// checkAccessMode accepts every mode but UNKNOWN: any number of nodes and workloads can share a gluster volume.
func checkAccessMode(field string, mode csi.VolumeCapability_AccessMode_Mode) error {
	switch mode {
	case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY,
		csi.VolumeCapability_AccessMode_MULTI_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
		csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:
		return nil
	case csi.VolumeCapability_AccessMode_UNKNOWN:
	}
	return volume.Invalid(field, mode.String(), "must be one of the SINGLE_NODE and MULTI_NODE modes of the CSI specification")
}

// checkCapabilities checks the capabilities with which a volume is requested or validated.
func checkCapabilities(capabilities []*csi.VolumeCapability) error {
	const field = "volume_capabilities"
	if len(capabilities) == 0 {
		return volume.Invalid(field, "", "must have at least one element")
	}
	for i, c := range capabilities {
		field := fmt.Sprintf("%s[%d]", field, i)
		if err := checkCapability(field, c); err != nil {
			return err
		}
		if err := checkFsType(field, c); err != nil {
			return err
		}
	}
	return nil
}

// readOnly reports whether an access mode excludes all writers.
func readOnly(mode csi.VolumeCapability_AccessMode_Mode) bool {
	return mode == csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY ||
		mode == csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
}
