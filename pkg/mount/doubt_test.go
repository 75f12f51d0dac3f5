package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestUnmountAfterAnotherProcess: another process acts between the check of a mount and its unmount.
func TestUnmountAfterAnotherProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(parent, point string) error
		want      error
	}{
		"unmounts it": {func(_, point string) error { return unix.Unmount(point, 0) }, nil},
		"removes its directory": {func(_, point string) error {
			return errors.Join(unix.Unmount(point, 0), os.Remove(point))
		}, nil},
		"makes its parent a file": {func(parent, point string) error {
			return errors.Join(unix.Unmount(point, 0), os.Remove(point), os.Remove(parent), os.WriteFile(parent, nil, 0o600))
		}, unix.ENOTDIR},
	} {
		parent := filepath.Join(t.TempDir(), "parent")
		point := filepath.Join(parent, "point")
		if err := errors.Join(os.MkdirAll(point, 0o755), unix.Mount("tmpfs", point, "tmpfs", 0, "")); err != nil {
			t.Fatal(err)
		}
		err := mount.Unmount(point, func(*mountinfo.Info) error { return tt.meanwhile(parent, point) })
		if !errors.Is(err, tt.want) || err != nil && !strings.HasPrefix(err.Error(), "unmount "+point) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestTableInDoubt: a mount point does not count as a directory if its line is missing from the mount table, or the table cannot
// be read.
func TestTableInDoubt(t *testing.T) {
	path, _ := tmpfs(t, t.TempDir(), "source", 0)
	for table, says := range map[string]string{
		"36 damaged\n": "read mountinfo: ",
		"1 0 98:0 / / rw,noatime - ext3 /dev/root rw\n": "change too fast",
	} {
		restore := mounttest.HideProc(t)
		if err := errors.Join(os.Mkdir("/proc/thread-self", 0o755), os.WriteFile("/proc/thread-self/mountinfo", []byte(table), 0o600)); err != nil {
			t.Error(err)
		}
		got, err := mount.Top(path)
		restore()
		if got != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v; want an error with %q", table, got, err, says)
		}
	}
}

// TestBindThatCannotReplace: Bind returns an error if the old mount cannot be removed.
func TestBindThatCannotReplace(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			kernel(t)
			dir := t.TempDir()
			source, dev := tmpfs(t, dir, "source", 0)
			target, _ := tmpfs(t, dir, "target", 0)
			restore := mounttest.HideProc(t)
			err := mount.Bind(source, dev, target, mount.Flags{})
			restore()
			if err == nil {
				t.Error("the old mount is still on top, or its peers are not known, but there is no error")
			}
		})
	}
}

// TestBindOnTop: if the new mount cannot go beneath the old one, as on Linux before 6.5, it covers the old one. Other binds of
// the old mount stay as they are. The target is a bind of a directory on itself: the kernel refuses to mount beneath such a bind.
func TestBindOnTop(t *testing.T) {
	dir := t.TempDir()
	source, dev := tmpfs(t, dir, "source", 0)
	shared, old := tmpfs(t, dir, "shared", 0)
	target, other := filepath.Join(shared, "target"), filepath.Join(dir, "other")
	if err := errors.Join(
		unix.Mount("", shared, "", unix.MS_SHARED, ""), os.Mkdir(target, 0o755), os.Mkdir(other, 0o755),
		unix.Mount(target, target, "", unix.MS_BIND, ""), unix.Mount(target, other, "", unix.MS_BIND, ""),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, path := range []string{target, other} {
			if err := mount.Unmount(path, anyMount); err != nil {
				t.Error(err)
			}
		}
	})
	if err := mount.Bind(source, dev, target, mount.Flags{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if got := top(t, target); mount.DeviceOf(got) != dev || !mount.IsReadOnly(got) {
		t.Errorf("%+v", got)
	}
	if got := top(t, other); mount.DeviceOf(got) != old {
		t.Errorf("another bind of the old mount shows the new one: %+v", got)
	}
	if err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW); err != nil {
		t.Fatal(err)
	}
	if got := top(t, target); mount.DeviceOf(got) != old {
		t.Errorf("below is %+v", got)
	}
}

// TestCheckKernelNeedsRights: CheckKernel fails without the rights that a container lacks by default.
func TestCheckKernelNeedsRights(t *testing.T) {
	var err error
	mounttest.WithoutRight(t, unix.CAP_SYS_ADMIN, func() { err = mount.CheckKernel() })
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
		t.Errorf("%v", err)
	}
}
