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
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestRealPath finds what filepath.EvalSymlinks finds.
func TestRealPath(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o755), os.WriteFile(filepath.Join(dir, "a/file"), nil, 0o600),
		os.Symlink("a/b", filepath.Join(dir, "relative")), os.Symlink(filepath.Join(dir, "a"), filepath.Join(dir, "absolute")),
		os.Symlink("../../absolute/./b/", filepath.Join(dir, "a/b/up")), os.Symlink("/", filepath.Join(dir, "root")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")), os.Symlink("loop", filepath.Join(dir, "loop")),
		os.Symlink("relative/../b", filepath.Join(dir, "chain")),
	); err != nil {
		t.Fatal(err)
	}
	_, _ = tmpfs(t, filepath.Join(dir, "a"), "mounted", 0)
	for _, path := range []string{
		"", "a/b/c", "relative/c", "absolute/b", "a/b/up/c", "root", "root/proc", "chain", "absolute/mounted", "a//b/./c", "a/b/../b",
		"a/b/up/up/up", "dangling", "missing", "missing/c", "a/file", "a/file/c", "loop",
	} {
		path = dir + "/" + path
		want, wantErr := filepath.EvalSymlinks(path)
		got, err := mount.RealPath(path)
		if strings.HasSuffix(path, "a/file") {
			want, wantErr = "", unix.ENOTDIR // not a directory
		}
		if got != want || (err == nil) != (wantErr == nil) || errors.Is(wantErr, os.ErrNotExist) != errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %q, %v; want %q, %v", path, got, err, want, wantErr)
		}
	}
}

// TestRealPathAsksNoClient: this test is the client, and would wait for itself.
func TestRealPathAsksNoClient(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	client, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Close(client), unix.Unmount(path, unix.MNT_DETACH)); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("client", path, "fuse.glusterfs", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", client)); err != nil {
		t.Fatal(err)
	}
	if got, err := mount.RealPath(path); got != path || err != nil {
		t.Errorf("its mount point: %q, %v", got, err)
	}
	if got, err := mount.RealPath(path + "/.."); got != filepath.Dir(path) && !errors.Is(err, mount.ErrInFUSE) {
		t.Errorf("back from its mount point: %q, %v", got, err)
	}
	if got, err := mount.RealPath(path + "/below"); !errors.Is(err, mount.ErrInFUSE) || !strings.Contains(err.Error(), "client (fuse.glusterfs) at "+path) {
		t.Errorf("in it: %q, %v", got, err)
	}
}

// TestRealPathLeavesNoDescriptor, and needs the table of mounts.
func TestRealPathLeavesNoDescriptor(t *testing.T) {
	dir := t.TempDir()
	before := mounttest.Descriptors(t)
	for _, path := range []string{dir, dir + "/missing/below"} {
		_, _ = mount.RealPath(path)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	shadowed, _ := tmpfs(t, dir, "below", 0)
	restore := mounttest.HideProc(t)
	got, err := mount.RealPath(shadowed + "/x")
	restore()
	if err == nil || !strings.Contains(err.Error(), "mountinfo") || errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q, %v", got, err)
	}
}
