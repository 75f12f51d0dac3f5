package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// namespace is another mount namespace: the host's, or a container's.
type namespace struct {
	calls chan func()
}

// newNamespace makes a copy of the caller's mount namespace, with the same propagation, and calls prepare in it.
func newNamespace(t *testing.T, prepare func() error) namespace {
	t.Helper()
	n := namespace{make(chan func())}
	started, ended := make(chan error), make(chan struct{})
	go onOtherThread(func() {
		defer close(ended)
		started <- errors.Join(unix.Unshare(unix.CLONE_NEWNS), prepare())
		for call := range n.calls {
			call()
		}
	})
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(n.calls); <-ended })
	return n
}

// onOtherThread runs f on a thread that ends afterwards and is not the process's first thread: that one would stay, and /proc
// would show its namespace as the process's.
func onOtherThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); onOtherThread(f) }()
	<-done
	runtime.UnlockOSThread()
}

// top is like mount.Top, in the namespace.
func (n namespace) top(t *testing.T, path string) (found *mountinfo.Info) {
	t.Helper()
	var err error
	done := make(chan struct{})
	n.calls <- func() { found, err = mount.Top(path); close(done) }
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// kubeletDir makes a shared directory, like the kubelet's on a node, with directories in it.
func kubeletDir(t *testing.T, names ...string) string {
	t.Helper()
	dir, _ := tmpfs(t, t.TempDir(), "kubelet", 0)
	err := unix.Mount("", dir, "", unix.MS_SHARED, "")
	for _, name := range names {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func bind(t *testing.T, source string, dev mount.Device, target string, readOnly bool) {
	t.Helper()
	if err := mount.Bind(source, dev, target, mount.Flags{ReadOnly: readOnly}); err != nil {
		t.Fatal(err)
	}
}

// TestReplacementReachesOtherNamespaces: a replacement in the plugin's namespace propagates to the host, with which the plugin
// shares the directory, and to containers that have the directory or one bind as slaves. A private copy stays as it was.
func TestReplacementReachesOtherNamespaces(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			base := t.TempDir()
			old, oldDev := tmpfs(t, base, "old", 0)
			next, nextDev := tmpfs(t, base, "next", 0)
			dir := kubeletDir(t, "staging", "rw", "ro", "data")
			staging, rw, ro, data := filepath.Join(dir, "staging"), filepath.Join(dir, "rw"), filepath.Join(dir, "ro"), filepath.Join(base, "data")
			if err := os.Mkdir(data, 0o755); err != nil {
				t.Fatal(err)
			}
			bind(t, old, oldDev, staging, false)
			bind(t, staging, oldDev, rw, false)
			bind(t, staging, oldDev, ro, true)

			host := newNamespace(t, func() error { return nil })
			slave := newNamespace(t, func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "") })
			pod := newNamespace(t, func() error { // a container with one target as a slave
				return errors.Join(unix.Mount(rw, data, "", unix.MS_BIND, ""), unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""))
			})
			private := newNamespace(t, func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") })

			bind(t, next, nextDev, staging, false)
			for name, n := range map[string]namespace{"host": host, "slave": slave} {
				if got := n.top(t, rw); mount.DeviceOf(got) != oldDev {
					t.Errorf("%s: the replacement of the staging path shows at a target: %+v", name, got)
				}
			}
			bind(t, staging, nextDev, rw, false)
			bind(t, staging, nextDev, ro, true)
			for name, n := range map[string]namespace{"host": host, "slave": slave} {
				for path, readOnly := range map[string]bool{staging: false, rw: false, ro: true} {
					if got := n.top(t, path); mount.DeviceOf(got) != nextDev || mount.IsReadOnly(got) != readOnly {
						t.Errorf("%s: at %s is %+v", name, path, got)
					}
				}
			}
			if got := pod.top(t, data); layers > 1 && mount.DeviceOf(got) != nextDev {
				t.Errorf("the pod that has a target as a slave has %+v", got)
			}
			for _, path := range []string{staging, rw, ro} {
				if got := private.top(t, path); mount.DeviceOf(got) != oldDev {
					t.Errorf("the private copy has %+v", got)
				}
				if got := countLayers(t, path); got != layers {
					t.Errorf("%s has %d layers, want %d", path, got, layers)
				}
				if err := mount.Unmount(path, anyMount); err != nil {
					t.Error(err)
				}
				for name, n := range map[string]namespace{"host": host, "slave": slave} {
					if got := n.top(t, path); got != nil {
						t.Errorf("%s: after the unmount %+v is left", name, got)
					}
				}
			}
		})
	}
}

// TestPodsShareNoMounts: a mount inside one bind of a volume does not appear in the others.
func TestPodsShareNoMounts(t *testing.T) {
	source, dev := tmpfs(t, t.TempDir(), "source", 0)
	dir := kubeletDir(t, "staging", "one", "two")
	staging, one, two := filepath.Join(dir, "staging"), filepath.Join(dir, "one"), filepath.Join(dir, "two")
	bind(t, source, dev, staging, false)
	bind(t, staging, dev, one, false)
	bind(t, staging, dev, two, false)
	t.Cleanup(func() {
		for _, path := range []string{one, two, staging} {
			if err := mount.Unmount(path, anyMount); err != nil {
				t.Error(err)
			}
		}
	})
	host := newNamespace(t, func() error { return nil })
	inside := filepath.Join(one, "inside")
	if err := errors.Join(os.Mkdir(inside, 0o755), unix.Mount("", inside, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	if host.top(t, inside) == nil {
		t.Error("the host does not see it: the bind is in no peer group with the host's")
	}
	for _, other := range []string{filepath.Join(two, "inside"), filepath.Join(staging, "inside")} {
		if got, err := mount.Top(other); err != nil || got != nil {
			t.Errorf("%s: %+v, %v", other, got, err)
		}
	}
}

// TestReplacementOfOneGroup: an earlier version of the driver put all binds of a volume into one peer group. A read-only target
// must not become writable when the staging path is replaced.
func TestReplacementOfOneGroup(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			kernel(t)
			next, nextDev := tmpfs(t, t.TempDir(), "next", 0)
			dir := kubeletDir(t, "staging", "ro")
			staging, oldDev := tmpfs(t, dir, "staging", 0)
			ro := filepath.Join(dir, "ro")
			if err := errors.Join(unix.Mount(staging, ro, "", unix.MS_BIND, ""), unix.Mount("", ro, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
				t.Fatal(err)
			}
			if err := mount.Bind(next, nextDev, staging, mount.Flags{}); err != nil {
				t.Fatal(err)
			}
			if got := top(t, ro); mount.DeviceOf(got) != oldDev || !mount.IsReadOnly(got) {
				t.Errorf("the read-only target has become %+v", got)
			}
			if err := mount.Bind(staging, nextDev, ro, mount.Flags{ReadOnly: true}); err != nil {
				t.Fatal(err)
			}
			if got := top(t, ro); mount.DeviceOf(got) != nextDev || !mount.IsReadOnly(got) {
				t.Errorf("the replaced target is %+v", got)
			}
			if got := top(t, staging); mount.DeviceOf(got) != nextDev || mount.IsReadOnly(got) {
				t.Errorf("the staging path has become %+v", got)
			}
			if err := errors.Join(mount.Unmount(ro, anyMount), mount.Unmount(staging, anyMount)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAttachTree: a mount that was cloned in another namespace is attached like any other.
func TestAttachTree(t *testing.T) {
	source, dev := tmpfs(t, t.TempDir(), "source", 0)
	target := filepath.Join(kubeletDir(t, "target"), "target")
	tree := -1
	other := newNamespace(t, func() (err error) {
		tree, err = unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		return err
	})
	defer unix.Close(tree)
	if err := mount.AttachTree(tree, mount.Device{Major: 9}, target, mount.Flags{}); err == nil {
		t.Error("another device was attached")
	}
	if err := mount.AttachTree(tree, dev, target, mount.Flags{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if got := other.top(t, target); got == nil || mount.DeviceOf(got) != dev || !mount.IsReadOnly(got) {
		t.Errorf("the other namespace has %+v", got)
	}
	if err := mount.Unmount(target, anyMount); err != nil {
		t.Error(err)
	}
}

func countLayers(t *testing.T, path string) int {
	t.Helper()
	all, err := mountinfo.GetMounts(func(i *mountinfo.Info) (skip, stop bool) { return i.Mountpoint != path, false })
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
