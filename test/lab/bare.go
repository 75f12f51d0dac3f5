package lab

import (
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// BareStorage reports whether the storage machines are bare Kubernetes nodes (Options.BareStorage).
func (l *Lab) BareStorage() bool { return l.setup.BareStorage }

// BareDevices are the block devices of each bare storage machine, all empty. What the stand-in for lvm makes of them lies
// elsewhere, so that they stay empty.
func BareDevices() []string { return []string{"/dev/sdb", "/dev/sdc"} }

// Spare is the number of a storage machine that only a lab with bare storage has, and does not start. It is for tests that add a node.
const Spare = StorageNodes + 1

// storageMachines returns how many storage machines there are, with the spare one.
func (l *Lab) storageMachines() int {
	if l.BareStorage() {
		return Spare
	}
	return StorageNodes
}

// bareDeviceSize is that of a disk in the stand-in for lvm. The files are sparse.
const bareDeviceSize = 100 << 30

// BareDisk is the directory of the host that holds what the i-th storage machine keeps on its disk: "glusterd", "heketi",
// "etc-glusterfs", "lvm". What is mounted on the machine is not mounted there.
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
		// The stand-in for lvm then takes no device that is not there.
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
