package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// pidfdOf returns a pidfd of a process, which remains valid after its end.
func pidfdOf(t *testing.T, pid int) int {
	t.Helper()
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(pidfd) })
	return pidfd
}

// TestInMountNamespace: fn sees the process's mounts, and this process keeps its own.
func TestInMountNamespace(t *testing.T) {
	path, _ := tmpfs(t, t.TempDir(), "point", 0)
	pid := inNamespace(t)
	pidfd := pidfdOf(t, pid)
	if err := mount.Unmount(path, anyMount); err != nil {
		t.Fatal(err)
	}
	before := mounttest.Descriptors(t)
	want := errors.New("reason")
	err := mount.InMountNamespace(pid, pidfd, func() error {
		if found, err := mount.Top(path); found == nil || err != nil {
			t.Errorf("the process's mount: %+v, %v", found, err)
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
	if found, err := mount.Top(path); found != nil || err != nil {
		t.Errorf("afterwards: %+v, %v", found, err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestInMountNamespaceOfAnother: fn is not called in the namespace of another process that has the number by now.
func TestInMountNamespaceOfAnother(t *testing.T) {
	zombie, alive := inNamespace(t), inNamespace(t)
	zombieFD := pidfdOf(t, zombie)
	reaped := inNamespace(t)
	reapedFD := pidfdOf(t, reaped)
	endAsZombie(t, zombie)
	endAsZombie(t, reaped)
	if _, err := unix.Wait4(reaped, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	before := mounttest.Descriptors(t)
	for name, tt := range map[string]struct {
		pid, pidfd int
		says       string
	}{
		"a process that is gone":              {reaped, reapedFD, "open the root directory"},
		"a process that has ended":            {zombie, zombieFD, "open the root directory"},
		"a process that has another's number": {alive, reapedFD, "process "},
		"a process that ends meanwhile":       {alive, zombieFD, "enter the mount namespace"},
	} {
		err := mount.InMountNamespace(tt.pid, tt.pidfd, func() error { t.Errorf("%s: entered", name); return nil })
		if err == nil || !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("%s: %v; want an error that begins with %q", name, err, tt.says)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestDeviceAt: DeviceAt returns the device at a path, here one that leads through a link in /proc, and recognizes mount points.
func TestDeviceAt(t *testing.T) {
	path, want := tmpfs(t, t.TempDir(), "point", 0)
	root := filepath.Join("/proc", "self", "root")
	for name, mounted := range map[string]bool{path: true, filepath.Dir(path): false} {
		dev, got, err := mount.DeviceAt(filepath.Join(root, name))
		if err != nil || got != mounted || (dev == want) != mounted {
			t.Errorf("%s: %s, %t, %v", name, dev, got, err)
		}
	}
	if _, _, err := mount.DeviceAt(path + "/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing path: %v", err)
	}
}
