package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest/beneath"
)

func openPath(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := mount.OpenPath(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func cloneAt(t *testing.T, path string) *os.File {
	t.Helper()
	tree, err := mount.CloneAt(openPath(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// attachment mounts the tree at dir/name until the test ends.
func attachment(t *testing.T, tree *os.File, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mount.Attach(tree, openPath(t, path)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

// TestUncoverable: on Linux before 6.5, a mount of a directory that was removed stays as it is, and the error shows that this will
// not change.
func TestUncoverable(t *testing.T) {
	dir := t.TempDir()
	source, _ := tmpfs(t, dir, "source", 0)
	removed := filepath.Join(source, "removed")
	if err := os.Mkdir(removed, 0o755); err != nil {
		t.Fatal(err)
	}
	point := attachment(t, cloneAt(t, removed), dir, "point")
	if err := os.Remove(removed); err != nil {
		t.Fatal(err)
	}
	before := top(t, point)
	mounttest.RefuseBeneath(t)
	if _, err := mount.Replace(cloneAt(t, source), openPath(t, point)); !errors.Is(err, mount.ErrUncoverable) || !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	if now := top(t, point); now.ID != before.ID {
		t.Errorf("mount %d, before %d", now.ID, before.ID)
	}
}

func TestOpenPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := mount.OpenPath(filepath.Join(dir, "missing")); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	link, err := mount.Identify(openPath(t, filepath.Join(dir, "link"))) // the link itself, not its target
	if err != nil || link.IsRoot {
		t.Errorf("%+v, %v", link, err)
	}
}

func TestIdentify(t *testing.T) {
	dir := t.TempDir()
	path, device := tmpfs(t, dir, "point", 0)
	if err := os.Mkdir(filepath.Join(path, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := mount.Identify(openPath(t, path))
	if err != nil || !root.IsRoot || root.Device != device || root.Mount != uint64(top(t, path).ID) {
		t.Errorf("%+v, %v", root, err)
	}
	in, err := mount.Identify(openPath(t, filepath.Join(path, "in")))
	if err != nil || in.IsRoot || in.Device != device || in.Mount != root.Mount || in.Inode == root.Inode {
		t.Errorf("%+v, %v", in, err)
	}
}

// TestCopyFlags: a copy gets exactly the flags of another mount, whatever the flags of the copied mount are.
func TestCopyFlags(t *testing.T) {
	dir := t.TempDir()
	source, _ := tmpfs(t, dir, "source", unix.MS_RDONLY|unix.MS_NOEXEC|unix.MS_NODIRATIME)
	for name, options := range map[string]string{
		"writable": "rw,relatime",
		"ro":       "ro,nosuid,nodev,noexec,relatime",
		"noatime":  "rw,noatime",
		"strict":   "rw",
		"all":      "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow",
		"unknown":  "rw,relatime,idmapped", // a flag of a newer kernel
	} {
		tree := cloneAt(t, source)
		if err := mount.CopyFlags(tree, options, mount.Private); err != nil {
			t.Fatal(err)
		}
		path := attachment(t, tree, dir, name)
		want := options
		if name == "unknown" {
			want = "rw,relatime"
		}
		if got := top(t, path); got.Options != want || got.Optional != "" {
			t.Errorf("%s: %q %q, want %q", name, got.Options, got.Optional, want)
		}
	}
}

func TestCopyFlagsPropagation(t *testing.T) {
	dir := t.TempDir()
	source, _ := tmpfs(t, dir, "source", 0)
	if err := unix.Mount("", source, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	group := top(t, source).Optional // shared:N
	for name, c := range map[string]struct {
		propagation uint64
		want        string
	}{
		"private": {mount.Private, ""}, "slave": {mount.Slave, "master" + group[len("shared"):]}, "peer": {mount.Peer, group},
	} {
		tree := cloneAt(t, source)
		if err := mount.CopyFlags(tree, "rw,relatime", c.propagation); err != nil {
			t.Fatal(err)
		}
		if got := top(t, attachment(t, tree, dir, name)).Optional; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestClone: a clone is made without the mounts below, or with them.
func TestClone(t *testing.T) {
	dir := t.TempDir()
	source, _ := tmpfs(t, dir, "source", 0)
	_, inner := tmpfs(t, source, "sub/inner", 0)
	all, err := mount.CloneAll(openPath(t, source))
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	for name, c := range map[string]struct {
		tree *os.File
		path string
		want bool
	}{
		"all": {all, "sub/inner", true}, "alone": {cloneAt(t, source), "sub/inner", false}, "part": {cloneAt(t, filepath.Join(source, "sub")), "inner", false},
	} {
		device, mounted, err := mount.DeviceAt(filepath.Join(attachment(t, c.tree, dir, name), c.path))
		if err != nil || mounted != c.want || mounted && device != inner {
			t.Errorf("%s: %s, %v, %v", name, device, mounted, err)
		}
	}
}

// TestReplace replaces mounts in this mount namespace and in another one without /proc.
func TestReplace(t *testing.T) {
	for name, kernel := range mounttest.Kernels() {
		t.Run(name, func(t *testing.T) {
			layers := kernel(t)
			dir := t.TempDir()
			source, device := tmpfs(t, dir, "source", 0)
			target, old := tmpfs(t, dir, "target", 0)
			other := newNamespace(t, func() error {
				if layers > 1 { // the thread is in another namespace
					if err := beneath.Refuse(); err != nil {
						return err
					}
				}
				return errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("", "/proc", "tmpfs", 0, ""))
			})
			covered, err := mount.Replace(cloneAt(t, source), openPath(t, target))
			if err != nil || covered != (layers > 1) {
				t.Errorf("covered %v, %v", covered, err)
			}
			if got, n := top(t, target), countLayers(t, target); mount.DeviceOf(got) != device || n != layers {
				t.Errorf("%+v, %d layers", got, n)
			}
			if got := other.device(target); got != old {
				t.Errorf("the other namespace has %s", got)
			}
			tree, descriptors := cloneAt(t, source), openPath(t, "/proc/self/fd")
			done := make(chan struct{})
			other.calls <- func() {
				defer close(done)
				point, err := mount.OpenPath(target)
				if err != nil {
					t.Error(err)
					return
				}
				defer point.Close()
				if covered, err = mount.ReplaceInside(tree, point, descriptors); err != nil || covered != (layers > 1) {
					t.Errorf("inside: covered %v, %v", covered, err)
				}
			}
			<-done
			if got := other.device(target); got != device {
				t.Errorf("the other namespace has %s afterwards", got)
			}
		})
	}
}

// device returns the device at a path in a namespace without /proc.
func (n namespace) device(path string) (found mount.Device) {
	done := make(chan struct{})
	n.calls <- func() { defer close(done); found, _, _ = mount.DeviceAt(path) }
	<-done
	return found
}

// TestReplaceRefuses: a file that is not a mount point is refused, and nothing changes.
func TestReplaceRefuses(t *testing.T) {
	dir := t.TempDir()
	source, _ := tmpfs(t, dir, "source", 0)
	file := filepath.Join(source, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mount.Replace(cloneAt(t, source), openPath(t, file)); err == nil {
		t.Error("a directory is mounted on a file")
	}
	if err := mount.Attach(cloneAt(t, source), openPath(t, file)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("attached to a file: %v", err)
	}
	if got, err := mount.Top(file); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestDetachByDescriptor: the open mount is unmounted, and neither one beneath nor one above it.
func TestDetachByDescriptor(t *testing.T) {
	for name, detach := range map[string]func(*os.File) error{
		"here": mount.Detach,
		"inside": func(point *os.File) error {
			descriptors := openPath(t, "/proc/self/fd")
			pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
			if err != nil {
				return err
			}
			defer unix.Close(pidfd)
			return mount.InMountNamespace(os.Getpid(), pidfd, func() error { return mount.DetachInside(point, descriptors) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, lower := tmpfs(t, dir, "point", 0)
			if err := unix.Mount("", path, "tmpfs", 0, ""); err != nil {
				t.Fatal(err)
			}
			upper := openPath(t, path)
			if err := detach(upper); err != nil {
				t.Fatal(err)
			}
			if now, mounted, err := mount.DeviceAt(path); err != nil || !mounted || now != lower {
				t.Errorf("%v, %t, %v", now, mounted, err)
			}
			if err := detach(upper); err == nil {
				t.Error("it is unmounted twice")
			}
			if now, mounted, err := mount.DeviceAt(path); err != nil || !mounted || now != lower {
				t.Errorf("afterwards: %v, %t, %v", now, mounted, err)
			}
		})
	}
}
