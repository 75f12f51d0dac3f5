package placement

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestTreeHasNoServer: the tree has a client's translators and no others, so that a volume file cannot load any other.
func TestTreeHasNoServer(t *testing.T) {
	n := openNode(t, stateDir(t))
	found := map[string]bool{}
	err := filepath.WalkDir(n.tree.dir, func(path string, entry os.DirEntry, err error) error {
		found[entry.Name()] = true
		if info, infoErr := entry.Info(); infoErr == nil && info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
			t.Errorf("%s is set-uid", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"glusterfsd", "fuse.so", "client.so", "dht.so", "afr.so", "ec.so", "shard.so", "socket.so", "meta.so"} {
		if !found[name] {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"posix.so", "server.so", "glusterd.so", "sh", "bash", "gluster", "changelog.so", "snapview-server.so"} {
		if found[name] {
			t.Errorf("%s is there", name)
		}
	}
}

// TestTreeIsMadeOnce: an interrupted copy is made again from scratch, and an unused copy is removed.
func TestTreeIsMadeOnce(t *testing.T) {
	dir := stateDir(t)
	n := openNode(t, dir)
	mark := filepath.Join(n.tree.dir, "mark")
	interrupted := n.tree.dir + ".new"
	if err := errors.Join(os.WriteFile(mark, nil, 0o600), os.MkdirAll(filepath.Join(interrupted, "usr"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if again := openNode(t, dir); again.Version() != n.Version() {
		t.Errorf("the same files are %s and %s", n.Version(), again.Version())
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("copied a second time: %v", err)
	}
	if err := os.Rename(n.tree.dir, filepath.Join(dir, "tree", "0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	n = openNode(t, dir)
	if err := n.RemoveOtherTrees(func(version string) bool { return version == "0123456789abcdef" }); err != nil {
		t.Error(err)
	}
	if names := mounttest.Names(t, filepath.Join(dir, "tree")); names != "0123456789abcdef "+n.Version() && names != n.Version()+" 0123456789abcdef" {
		t.Errorf("while a client uses it: %s", names)
	}
	if err := n.RemoveOtherTrees(func(string) bool { return false }); err != nil {
		t.Error(err)
	}
	if names := mounttest.Names(t, filepath.Join(dir, "tree")); names != n.Version() {
		t.Errorf("when no client uses it: %s", names)
	}
}

// TestDamagedTreeIsMadeAgain: after a power cut, files of a copy may be shorter than before.
func TestDamagedTreeIsMadeAgain(t *testing.T) {
	dir := stateDir(t)
	n := openNode(t, dir)
	libraries, err := filepath.Glob(n.tree.dir + "/usr/lib/*/glusterfs/*/xlator/meta.so")
	if err != nil || len(libraries) != 1 {
		t.Fatalf("%q, %v", libraries, err)
	}
	if err := os.Truncate(libraries[0], 0); err != nil {
		t.Fatal(err)
	}
	openNode(t, dir)
	if info, err := os.Stat(libraries[0]); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestEarlierTreeServes: an earlier version is used if the disk has no room for the files of a new one.
func TestEarlierTreeServes(t *testing.T) {
	dir := stateDir(t)
	trees := filepath.Join(dir, "tree")
	earlier := filepath.Join(trees, "9.6-0123456789abcdef")
	n := openNode(t, dir)
	if err := errors.Join(os.Rename(n.tree.dir, earlier), unix.Mount(trees, trees, "", unix.MS_BIND, ""),
		unix.Mount("", trees, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(trees, unix.MNT_DETACH) })
	if n := openNode(t, dir); n.tree.dir != earlier {
		t.Errorf("clients are started from %s", n.tree.dir)
	}
}

// TestRemoveTreeStopsAtMounts: a file system that is mounted in a copy by mistake is not emptied.
func TestRemoveTreeStopsAtMounts(t *testing.T) {
	dir, data := filepath.Join(t.TempDir(), "tree"), t.TempDir()
	inside := filepath.Join(dir, "a", "b")
	file := filepath.Join(data, "file")
	if err := errors.Join(os.MkdirAll(inside, 0o700), os.WriteFile(file, nil, 0o600), unix.Mount(data, inside, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	if err := removeTree(dir); err == nil || !strings.Contains(err.Error(), "mount point") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if err := errors.Join(unix.Unmount(inside, 0), removeTree(dir), removeTree(dir)); err != nil {
		t.Error(err)
	}
}
