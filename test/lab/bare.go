package lab

import (
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// BareStorage reports whether the storage machines are bare Kubernetes nodes (Options.BareStorage).
func (l *Lab) BareStorage() bool { return l.setup.BareStorage }

// BareDevices lists the block devices of each bare storage machine, all empty. They stay empty, because the stand-in for lvm
// keeps its volumes elsewhere.
func BareDevices() []string { return []string{"/dev/sdb", "/dev/sdc"} }

// Spare is the number of an additional storage machine in a lab with bare storage, for tests that add a node. The lab does not
// start it.
const Spare = StorageNodes + 1

// storageMachines returns the number of storage machines, including the spare one.
func (l *Lab) storageMachines() int {
	if l.BareStorage() {
		return Spare
	}
	return StorageNodes
}

// bareDeviceSize is the size of a disk in the stand-in for lvm. The files are sparse.
const bareDeviceSize = 100 << 30

// BareDisk returns the directory on the host that holds the disk of the i-th storage machine: "glusterd", "heketi",
// "etc-glusterfs", "lvm". The machine's mounts are not visible there.
func (l *Lab) BareDisk(i int) string { return l.layout.DiskDir(storageName(i)) }

func (l *Lab) bareDirs(name string) []string {
	disk := l.layout.DiskDir(name)
	return []string{
		l.layout.WorkerDir(name), filepath.Join(disk, machine.DiskLVM), filepath.Join(disk, machine.DiskDevices),
	}
}

func (l *Lab) bareFiles() error {
	for i := 1; i <= l.storageMachines(); i++ {
		disk := l.BareDisk(i)
		for _, device := range BareDevices() {
			if err := sparseFile(bareDeviceFile(disk, device), bareDeviceSize); err != nil {
				return err
			}
		}
		// With this file, the stand-in for lvm refuses devices that do not exist.
		if err := sparseFile(filepath.Join(disk, machine.DiskLVM, "devices-exist"), 0); err != nil {
			return err
		}
	}
	return nil
}

// bareDeviceFile returns the file of a block device.
func bareDeviceFile(disk, device string) string {
	return filepath.Join(disk, machine.DiskDevices, filepath.Base(device))
}

func sparseFile(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}
