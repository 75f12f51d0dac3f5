package tables_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// BenchmarkScan: 50 containers with two processes each, all or none of which have the volume.
func BenchmarkScan(b *testing.B) {
	volume := filepath.Join(b.TempDir(), "volume")
	dev := mountTmpfs(b, volume)
	for range 50 {
		beside(b, mounttest.Container(b, "private"), "/bin/sleep", "infinity")
	}
	lines, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("each table has %d bytes", len(lines))
	for name, d := range map[string]mount.Device{"volume": dev, "none": anyDevice} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := tables.Scan([]mount.Device{d}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScanLongTables: five containers with 2,000 mounts each.
func BenchmarkScanLongTables(b *testing.B) {
	volume := filepath.Join(b.TempDir(), "volume")
	dev := mountTmpfs(b, volume)
	for range 5 {
		mounttest.Inside(b, mounttest.Container(b, "private"), func() error {
			err := unix.Mount("", "/mnt", "tmpfs", 0, "")
			for i := range 2000 {
				path := fmt.Sprintf("/mnt/%d", i)
				err = errors.Join(err, os.Mkdir(path, 0o755), unix.Mount("", path, "tmpfs", 0, ""))
			}
			return err
		})
	}
	for b.Loop() {
		if _, err := tables.Scan([]mount.Device{dev}); err != nil {
			b.Fatal(err)
		}
	}
}
