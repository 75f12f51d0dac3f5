package mount_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestFailuresAreErrors: a path whose parent is a file does not count as "not mounted".
func TestFailuresAreErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "below")
	if _, err := mount.Top(below); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("Top: %v", err)
	}
	if err := mount.Unmount(below, anyMount); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("Unmount: %v", err)
	}
}

// TestUnmountOfLayers: the maximum number of layers is unmounted, and more are an error.
func TestUnmountOfLayers(t *testing.T) {
	for layers, want := range map[int]bool{99: true, 101: false} {
		dir := t.TempDir()
		for i := range layers {
			if err := unix.Mount("", dir, "tmpfs", 0, ""); err != nil {
				t.Fatalf("layer %d: %v", i, err)
			}
		}
		err := mount.Unmount(dir, anyMount)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "still mounted after 100 layers") {
			t.Errorf("%d layers: %v", layers, err)
		}
		if err := mount.Unmount(dir, anyMount); err != nil {
			t.Errorf("%d layers, once more: %v", layers, err)
		}
	}
}

// TestBindLeavesNoDescriptor: Bind leaves no descriptor, whether it succeeds or is refused.
func TestBindLeavesNoDescriptor(t *testing.T) {
	dir := t.TempDir()
	source, dev := tmpfs(t, dir, "source", 0)
	target := filepath.Join(dir, "target")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := descriptors()
	for range 10 {
		for _, readOnly := range []bool{false, true} {
			if err := mount.Bind(source, dev, target, mount.Flags{ReadOnly: readOnly}); err != nil {
				t.Fatal(err)
			}
			if err := mount.Unmount(target, anyMount); err != nil {
				t.Fatal(err)
			}
		}
		other := dev
		other.Minor++
		for name, err := range map[string]error{
			"another device": mount.Bind(source, other, target, mount.Flags{}),
			"no target":      mount.Bind(source, dev, filepath.Join(dir, "missing"), mount.Flags{}),
			"no source":      mount.Bind(filepath.Join(dir, "missing"), dev, target, mount.Flags{}),
		} {
			if err == nil {
				t.Errorf("bound: %s", name)
			}
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	if err := mount.CheckKernel(); err != nil {
		t.Error(fmt.Errorf("this kernel: %w", err))
	}
}

// TestRemoveDirReadOnly: removing a missing directory succeeds, although a read-only file system refuses before it looks.
func TestRemoveDirReadOnly(t *testing.T) {
	path, _ := tmpfs(t, t.TempDir(), "disk", 0)
	if err := errors.Join(os.Mkdir(filepath.Join(path, "dir"), 0o755), unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	if err := mount.RemoveDir(filepath.Join(path, "missing")); err != nil {
		t.Error(err)
	}
	if err := mount.RemoveDir(filepath.Join(path, "dir")); !errors.Is(err, unix.EROFS) {
		t.Errorf("an existing one: %v", err)
	}
}
