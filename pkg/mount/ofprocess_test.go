package mount_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestMountsOfAnotherProcess: the mounts of a process show where a path leads for it.
func TestMountsOfAnotherProcess(t *testing.T) {
	top := t.TempDir()
	dir, moved := filepath.Join(top, "state"), filepath.Join(top, "moved", "state")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "clients"), 0o755), os.MkdirAll(moved, 0o755)); err != nil {
		t.Fatal(err)
	}
	pid := mounttest.Container(t, "private")
	own, err := mount.LocationOf(filepath.Join(dir, "clients"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string) mount.Location {
		t.Helper()
		found, err := mount.LocationIn(pid, path)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := at(filepath.Join(dir, "clients")); got != own {
		t.Errorf("%+v, want %+v", got, own)
	}
	mounttest.Inside(t, pid, func() error { return unix.Mount(dir, moved, "", unix.MS_BIND, "") })
	if got := at(filepath.Join(moved, "clients")); got != own {
		t.Errorf("through a bind mount: %+v, want %+v", got, own)
	}
	if _, mounted, err := mount.DeviceIn(pid, dir); mounted || err != nil {
		t.Errorf("mounted: %t, %v", mounted, err)
	}
	var want mount.Device
	mounttest.Inside(t, pid, func() (err error) {
		err = errors.Join(unix.Mount("a", dir, "tmpfs", 0, ""), unix.Mount("b", dir, "tmpfs", 0, ""))
		want, _, _ = mount.DeviceAt(dir)
		return err
	})
	if got, mounted, err := mount.DeviceIn(pid, dir); got != want || !mounted || err != nil {
		t.Errorf("device %s, want %s; mounted: %t, %v", got, want, mounted, err)
	}
	if got := at(filepath.Join(dir, "clients")); got != (mount.Location{Device: want, Path: "/clients"}) {
		t.Errorf("beneath another mount: %+v", got)
	}
	for _, path := range []string{filepath.Join(dir, "missing"), "relative"} {
		if _, err := mount.LocationOf(path); err == nil {
			t.Errorf("%s has a location", path)
		}
	}
	for name, err := range map[string]error{
		"LocationIn": func() error { _, err := mount.LocationIn(1<<22, "/"); return err }(),
		"DeviceIn":   func() error { _, _, err := mount.DeviceIn(1<<22, "/"); return err }(),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a process that has ended: %v", name, err)
		}
	}
}
