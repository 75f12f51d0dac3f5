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

// TestRealPath: RealPath finds the same paths as filepath.EvalSymlinks.
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
	mounted, _ := tmpfs(t, filepath.Join(dir, "a"), "mounted", 0)
	if err := os.MkdirAll(mounted+"/b/c", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"", "a/b/c", "relative/c", "absolute/b", "a/b/up/c", "root", "root/proc", "chain", "absolute/mounted", "a/mounted/b/c", "a//b/./c", "a/b/../b",
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

// TestRealPathFollows: RealPath follows as many links as the kernel.
func TestRealPathFollows(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(".", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for links, want := range map[int]error{40: nil, 41: unix.ELOOP} {
		path := dir + strings.Repeat("/link", links)
		got, err := mount.RealPath(path)
		if _, kernel := os.Stat(path); !errors.Is(err, want) || !errors.Is(kernel, want) || err == nil && got != dir {
			t.Errorf("%d links: %q, %v; the kernel returns %v", links, got, err, kernel)
		}
	}
}

// TestRealPathAsksNoClient: RealPath asks no FUSE client. Here the test itself is the client: a request would wait for the test
// forever.
func TestRealPathAsksNoClient(t *testing.T) {
	for _, fsType := range []string{"fuse.glusterfs", "fuse"} {
		t.Run(fsType, func(t *testing.T) {
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
			if err := unix.Mount("client", path, fsType, 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", client)); err != nil {
				t.Fatal(err)
			}
			for _, same := range []string{"", "/", "/."} {
				if got, err := mount.RealPath(path + same); got != path || err != nil {
					t.Errorf("its mount point, as %q: %q, %v", path+same, got, err)
				}
			}
			if got, err := mount.RealPath(path + "/.."); got != filepath.Dir(path) && !errors.Is(err, mount.ErrInFUSE) {
				t.Errorf("back from its mount point: %q, %v", got, err)
			}
			if got, err := mount.RealPath(path + "/below"); !errors.Is(err, mount.ErrInFUSE) || !strings.Contains(err.Error(), "client ("+fsType+") at "+path) {
				t.Errorf("in it: %q, %v", got, err)
			}
		})
	}
}

// TestRealPathLeavesNoDescriptor: RealPath leaves no descriptor, whether it succeeds or fails.
func TestRealPathLeavesNoDescriptor(t *testing.T) {
	dir := t.TempDir()
	before := mounttest.Descriptors(t)
	for _, path := range []string{dir, dir + "/missing/below"} {
		_, _ = mount.RealPath(path)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

// TestRealPathInDoubt: a directory is not accessed if the kernel does not report its file system.
func TestRealPathInDoubt(t *testing.T) {
	path, _ := tmpfs(t, t.TempDir(), "mounted", 0)
	if err := os.Mkdir(path+"/x", 0o755); err != nil {
		t.Fatal(err)
	}
	for table, says := range map[string]string{
		"":             "read mountinfo: ",
		"36 damaged\n": "read mountinfo: ",
		"1 0 98:0 / / rw,noatime - ext3 /dev/root rw\n": "change too fast",
	} {
		restore := mounttest.HideProc(t)
		if table != "" {
			if err := errors.Join(os.Mkdir("/proc/thread-self", 0o755), os.WriteFile("/proc/thread-self/mountinfo", []byte(table), 0o600)); err != nil {
				t.Error(err)
			}
		}
		got, err := mount.RealPath(path + "/x")
		restore()
		if err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %q, %v; want an error with %q", table, got, err, says)
		}
	}
	for _, path := range []string{"/", path} {
		for more := range 4 {
			restore := mounttest.LimitDescriptors(t, more)
			got, err := mount.RealPath(path)
			restore()
			if err == nil && got != path || err != nil && !errors.Is(err, unix.EMFILE) && !strings.Contains(err.Error(), "too many open files") || more == 0 && err == nil || more == 3 && err != nil {
				t.Errorf("%s with %d descriptors: %q, %v", path, more, got, err)
			}
		}
	}
}
