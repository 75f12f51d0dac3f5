package placement

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// bareTree returns a tree without files, in which no client could run.
func bareTree(t *testing.T, stateDir string) tree {
	t.Helper()
	bare := tree{dir: filepath.Join(stateDir, TreeDir, "1-x")}
	for _, point := range mountPoints(stateDir) {
		if err := os.MkdirAll(filepath.Join(bare.dir, point), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return bare
}

// enterNew gives the calling thread a root directory made from a tree for this thread alone.
func enterNew(t tree, stateDir string) error {
	made, err := t.makeRoot(stateDir)
	if err != nil {
		return err
	}
	defer made.close()
	return made.enter("")
}

// TestRootInDoubt: no client is started in a root directory that lacks a part, and entering leaves no descriptor.
func TestRootInDoubt(t *testing.T) {
	// Not below /tmp, because a client has its own /tmp.
	if err := unix.Mount("tmpfs", "/srv", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount("/srv", unix.MNT_DETACH) })
	dir := "/srv/state"
	before := mounttest.Descriptors(t)
	for part, says := range map[string]string{
		"":         "",
		"/proc":    "mount proc at ",
		"/tmp":     "mount tmpfs at ",
		"/dev":     "mount tmpfs at ",
		"/clients": "read-only file system",
		"/logs":    "read-only file system",
	} {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir+"/clients", 0o700), os.Mkdir(dir+"/logs", 0o700)); err != nil {
			t.Fatal(err)
		}
		bare := bareTree(t, dir)
		path := filepath.Join(bare.dir, part)
		if part == "/clients" || part == "/logs" {
			path = filepath.Join(bare.dir, dir, part)
		}
		if part != "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		err := osthread.Run(func() error { return enterNew(bare, dir) })
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("without %s: %v, want %q", part, err, says)
		}
	}
	if err := osthread.Run(func() error { return enterNew(tree{dir: dir + "/missing"}, dir) }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a tree: %v", err)
	}
	bare := bareTree(t, dir)
	mounttest.WithoutRight(t, unix.CAP_SYS_ADMIN, func() {
		if err := enterNew(bare, dir); !errors.Is(err, unix.EPERM) {
			t.Errorf("without rights: %v", err)
		}
	})
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestRootWithoutADevice: the node lacks a device.
func TestRootWithoutADevice(t *testing.T) {
	dir := stateDir(t)
	bare := bareTree(t, dir)
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	err := osthread.Run(func() error { return enterNew(bare, dir) })
	if err := unix.Unmount("/dev", unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/dev/fuse") {
		t.Errorf("%v", err)
	}
}

// TestRootHasDevices: every user can use the devices, and no path of the node's root directory is hidden.
func TestRootHasDevices(t *testing.T) {
	dir := stateDir(t)
	bare := bareTree(t, dir)
	if err := osthread.Run(func() error {
		if err := enterNew(bare, dir); err != nil {
			return err
		}
		if at, err := os.Getwd(); at != "/" {
			t.Errorf("the directory is %s, %v", at, err)
		}
		for _, name := range []string{"fuse", "null", "zero", "random", "urandom"} {
			if info, err := os.Stat("/dev/" + name); err != nil || info.Mode() != os.ModeDevice|os.ModeCharDevice|0o644 { // as reduced by the umask
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
		if err == nil {
			err = null.Close()
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestMountFails: a failed mount leaves no descriptor.
func TestMountFails(t *testing.T) {
	dir := t.TempDir()
	before := mounttest.Descriptors(t)
	for says, try := range map[string]struct {
		from, at   string
		attributes uint64
	}{
		"open_tree":     {from: dir + "/missing", at: dir},
		"mount_setattr": {from: dir, at: dir, attributes: 1 << 40},
		"move_mount":    {from: dir, at: dir + "/missing"},
	} {
		clone, err := cloneDir(try.from, try.attributes)
		if err == nil {
			err = errors.Join(attach(clone, try.at), clone.Close())
		}
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestPivotFails: the directory is not a mount point, or does not exist.
func TestPivotFails(t *testing.T) {
	dir := t.TempDir()
	for path, says := range map[string]string{dir: "pivot_root", dir + "/missing": "chdir"} {
		err := osthread.Run(func() error {
			if err := errors.Join(unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")); err != nil {
				return err
			}
			return tree{dir: path}.pivot()
		})
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: %v, want %s", path, err, says)
		}
	}
}

// secretDir mounts a directory of secrets with these files.
func secretDir(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(dir, 0o755), unix.Mount("secret", dir, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	write(t, dir, files)
}

// TestSecretsInDoubt: a client is not started without its key, and other users can never read the key.
func TestSecretsInDoubt(t *testing.T) {
	secretDir(t, "/etc/ssl", map[string]string{"glusterfs.pem": "certificate", "glusterfs.key": "key"})
	enter := func(prepare func(dir string, bare tree) error, inside func() error) error {
		dir := stateDir(t)
		bare := bareTree(t, dir)
		if err := prepare(dir, bare); err != nil {
			t.Fatal(err)
		}
		return osthread.Run(func() error {
			if err := enterNew(bare, dir); err != nil {
				return err
			}
			return inside()
		})
	}
	nothing := func(string, tree) error { return nil }
	if err := enter(nothing, func() error {
		for name, want := range map[string]string{"glusterfs.pem": "certificate", "glusterfs.key": "key"} {
			data, err := os.ReadFile("/etc/ssl/" + name)
			info, statErr := os.Stat("/etc/ssl/" + name)
			if err := errors.Join(err, statErr); err != nil || string(data) != want || info.Mode() != 0o400 {
				t.Errorf("%s: %q, %v, %v", name, data, info, err)
			}
		}
		_, err := os.Stat("/etc/ssl/dhparam.pem")
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file that the node does not have: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	none := func() error { t.Error("the client was started"); return nil }
	if err := enter(func(_ string, bare tree) error { return os.RemoveAll(bare.dir + "/etc/ssl") }, none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a place for it: %v", err)
	}
	if err := errors.Join(os.Remove("/etc/ssl/glusterfs.pem"), os.Mkdir("/etc/ssl/glusterfs.pem", 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := enter(nothing, none); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a certificate that cannot be read: %v", err)
	}
}

// below opens directories below a root directory.
func below(root string) func(string) (*os.File, error) {
	return func(dir string) (*os.File, error) { return mount.OpenPath(filepath.Join(root, dir)) }
}

// TestSecretsThatCannotBeRenewed: the error names them, and those that have not changed are not written.
func TestSecretsThatCannotBeRenewed(t *testing.T) {
	secretDir(t, "/etc/ssl", map[string]string{"glusterfs.pem": "certificate", "glusterfs.key": "new"})
	root := t.TempDir()
	write(t, root, map[string]string{"etc/ssl/glusterfs.pem": "certificate", "etc/ssl/glusterfs.key": "old"})
	if err := os.Chmod(root+"/etc/ssl/glusterfs.key", 0o400); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(root + "/etc/ssl/glusterfs.pem")
	if err != nil {
		t.Fatal(err)
	}
	if err := RefreshSecrets(below(root)); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(root + "/etc/ssl/glusterfs.pem"); err != nil || !os.SameFile(before, after) {
		t.Errorf("a certificate that has not changed was written: %v", err)
	}
	if info, err := os.Stat(root + "/etc/ssl/glusterfs.key"); err != nil || info.Mode() != 0o400 {
		t.Errorf("%v, %v", info, err)
	}
	write(t, "/etc/ssl", map[string]string{"glusterfs.key": "newest"})
	if err := errors.Join(os.Remove("/etc/ssl/glusterfs.pem"), os.Mkdir("/etc/ssl/glusterfs.pem", 0o755), RefreshSecrets(below(root))); err != nil {
		t.Error(err)
	}
	if got := read(t, root+"/etc/ssl"); got["glusterfs.key"] != "newest" || got["glusterfs.pem"] != "certificate" {
		t.Errorf("with a certificate that cannot be read: %q", got)
	}
	write(t, "/etc/ssl", map[string]string{"glusterfs.key": "last"})
	if err := errors.Join(unix.Mount(root, root, "", unix.MS_BIND, ""), unix.Mount("", root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	if err := RefreshSecrets(below(root)); !errors.Is(err, unix.EROFS) {
		t.Errorf("%v", err)
	}
}
