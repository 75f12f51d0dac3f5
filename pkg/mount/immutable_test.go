package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// sealed makes a sealed directory. It skips the test if the file system does not support that.
func sealed(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	mounttest.Seal(t, path)
}

func isSealed(t *testing.T, path string) bool {
	t.Helper()
	dir, err := mount.OpenPath(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	at, err := mount.Identify(dir)
	if err != nil {
		t.Fatal(err)
	}
	return at.IsSealed
}

// TestSeal: not even root can write beneath a sealed mount point.
func TestSeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealed")
	sealed(t, path)
	for name, err := range map[string]error{
		"a file": os.WriteFile(filepath.Join(path, "file"), nil, 0o600), "a directory": os.Mkdir(filepath.Join(path, "dir"), 0o755),
		"its removal": unix.Rmdir(path), "another name": os.Rename(path, path+"2"),
	} {
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(path, "file"), nil, 0o600), mount.Unseal(path), mount.Unmount(path, anyMount)); err != nil {
		t.Error(err)
	}
	if !isSealed(t, path) {
		t.Error("the directory beneath a mount was unsealed")
	}
	for range 2 {
		if err := mount.Unseal(path); err != nil || isSealed(t, path) {
			t.Errorf("unsealed: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "file"), nil, 0o600); err != nil {
		t.Error(err)
	}
}

// TestRemoveSealed: a sealed directory is removed like any other if it is empty.
func TestRemoveSealed(t *testing.T) {
	dir := t.TempDir()
	empty, full := filepath.Join(dir, "empty"), filepath.Join(dir, "full")
	sealed(t, empty)
	if err := errors.Join(os.Mkdir(full, 0o755), os.WriteFile(filepath.Join(full, "file"), nil, 0o600), mount.Seal(full)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mount.Unseal(full) })
	if err := mount.RemoveDir(empty); err != nil {
		t.Error(err)
	}
	if err := mount.RemoveDir(full); !errors.Is(err, unix.ENOTEMPTY) || isSealed(t, full) {
		t.Errorf("with a file in it: %v", err)
	}
}

// TestSealWhereItCannotBe: a file system without the flag, and a process without the right, are not errors. A symbolic link is
// refused.
func TestSealWhereItCannotBe(t *testing.T) {
	dir := t.TempDir()
	if err := mount.Seal("/proc/self"); err == nil {
		t.Error("a symbolic link was sealed")
	}
	if err := mount.Seal("/proc/sys"); err != nil {
		t.Errorf("proc: %v", err)
	}
	mounttest.WithoutRight(t, unix.CAP_LINUX_IMMUTABLE, func() {
		if err := mount.Seal(dir); err != nil || isSealed(t, dir) {
			t.Errorf("without the right: %v", err)
		}
	})
	missing := filepath.Join(dir, "missing")
	if err := mount.Seal(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := mount.Unseal(missing); err != nil {
		t.Errorf("missing: %v", err)
	}
	if err := mount.Unseal("/proc/sys"); err != nil {
		t.Errorf("proc: %v", err)
	}
}
