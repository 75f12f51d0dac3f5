package mount_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestFewDescriptors runs binds with ever more free descriptors: each fails and mounts nothing, or succeeds.
func TestFewDescriptors(t *testing.T) {
	dir := t.TempDir()
	source, dev := tmpfs(t, dir, "source", 0)
	target := filepath.Join(dir, "target")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		failed := 0
		for more := range 6 {
			restore := mounttest.LimitDescriptors(t, more)
			err := mount.Bind(source, dev, target, mount.Flags{ReadOnly: readOnly})
			restore()
			bound, topErr := mount.Top(target)
			if topErr != nil {
				t.Fatal(topErr)
			}
			if (err == nil) != (bound != nil) {
				t.Errorf("with %d descriptors: %v, and mounted is %+v", more, err, bound)
			}
			if bound == nil {
				failed++
				continue
			}
			if mount.DeviceOf(bound) != dev || mount.IsReadOnly(bound) != readOnly {
				t.Errorf("with %d descriptors: %+v is mounted", more, bound)
			}
			if err := mount.Unmount(target, anyMount); err != nil {
				t.Fatal(err)
			}
		}
		if failed < 2 {
			t.Errorf("only %d binds have failed: this test needs another range", failed)
		}
	}
}

// TestWithoutProc: without a readable mount table, a mount point does not count as a directory.
func TestWithoutProc(t *testing.T) {
	path, _ := tmpfs(t, t.TempDir(), "source", 0)
	restore := mounttest.HideProc(t)
	got, topErr := mount.Top(path)
	detachErr := mount.Unmount(path, anyMount)
	restore()
	if topErr == nil || got != nil {
		t.Errorf("Top: %+v, %v", got, topErr)
	}
	if detachErr == nil {
		t.Errorf("Unmount has succeeded")
	}
	if mount.DeviceOf(top(t, path)) == (mount.Device{}) {
		t.Error("it was unmounted")
	}
}
