package fusequery

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestFailuresAreErrors: a failed request is an error; the client counts neither as dead nor as alive.
func TestFailuresAreErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "below")
	if _, err := clientEnded(below, unix.Lgetxattr); !errors.Is(err, unix.ENOTDIR) || !strings.HasPrefix(err.Error(), "ask the client at "+below) {
		t.Errorf("clientEnded: %v", err)
	}
	if ended, err := clientEnded(dir, unix.Lgetxattr); ended || err != nil { // the directory has no such attribute
		t.Errorf("clientEnded of a file system without a client: %t, %v", ended, err)
	}
	if err := unix.Setxattr(file, "security.capability", []byte("\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0); err != nil {
		t.Fatal(err)
	}
	if ended, err := clientEnded(file, unix.Lgetxattr); ended || err != nil {
		t.Errorf("clientEnded of a file that has the attribute: %t, %v", ended, err)
	}
	if _, err := statfs(below, mount.Device{}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("statfs: %v", err)
	}
	if _, err := getattr(below); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("getattr: %v", err)
	}
	if _, err := openMeta(dir, ".meta", mount.Device{}); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("openMeta: %v", err)
	}
}

// TestStatfs: sizes are counted in the file system's unit, and another file system is never counted.
func TestStatfs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sized")
	if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("tmpfs", path, "tmpfs", 0, "size=1m,nr_inodes=10")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(path, "file"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	device, err := getattr(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := statfs(path, device)
	want := mount.Stats{TotalBytes: 1 << 20, UsedBytes: 4096, AvailableBytes: 1<<20 - 4096, TotalInodes: 10, UsedInodes: 2, AvailableInodes: 8}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if err := unix.Unmount(path, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := statfs(path, device); !errors.Is(err, mount.ErrNotMounted) {
		t.Errorf("of the disk below: %+v, %v", got, err)
	}
}
