package lab

import (
	"context"
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// FailDisk makes a block device of a bare storage machine fail permanently, like a dead disk: it disappears from /dev, LVM does
// not find its volumes, and the file systems of its logical volumes get I/O errors. Everything on it is lost.
func (m *Machine) FailDisk(ctx context.Context, device string) error {
	if err := machine.FailDisk(m.lab.layout, m.Name, device); err != nil {
		return fmt.Errorf("let %s of %s fail: %w", device, m.Name, err)
	}
	_, err := m.Output(ctx, "rm", "--force", device)
	return err
}

// NewDisk replaces a failed disk by an empty one. The machine must run.
func (m *Machine) NewDisk(ctx context.Context, device string) error {
	file := bareDeviceFile(m.lab.layout.DiskDir(m.Name), device)
	if err := sparseFile(file, bareDeviceSize); err != nil {
		return fmt.Errorf("a new disk %s for %s: %w", device, m.Name, err)
	}
	_, err := m.Output(ctx, "sh", "-ec", `cp --archive "$(losetup --find --show "$1")" "$2"`, "sh", file, device)
	return err
}
