package placement

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// library returns a set with one file and a link to it, made below a directory.
func library(t *testing.T) (set *fileSet, dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, map[string]string{"lib/so": "library"})
	if err := errors.Join(os.Chmod(dir+"/lib/so", 0o555), os.Symlink("lib", dir+"/lib64")); err != nil {
		t.Fatal(err)
	}
	set = newSet()
	if err := set.add(dir + "/lib64/so"); err != nil {
		t.Fatal(err)
	}
	return set, dir
}

// TestDigest: the digest changes if anything in a copy changes.
func TestDigest(t *testing.T) {
	seen, dir := map[string]string{}, t.TempDir()
	for name, change := range map[string]func(set *fileSet, dir string) []string{
		"nothing":       func(*fileSet, string) []string { return nil },
		"a mount point": func(*fileSet, string) []string { return []string{"/tmp"} },
		"a link":        func(set *fileSet, dir string) []string { set.links[dir+"/lib64"] = "lib/"; return nil },
		"a mode":        func(set *fileSet, dir string) []string { set.files[dir+"/lib/so"] = 0o755; return nil },
		"the content": func(_ *fileSet, dir string) []string {
			write(t, dir, map[string]string{"lib/so": "LIBRARY"})
			return nil
		},
	} {
		write(t, dir, map[string]string{"lib/so": "library"})
		set := newSet()
		set.files[dir+"/lib/so"], set.links[dir+"/lib64"] = 0o555, "lib"
		points := change(set, dir)
		digest, err := set.digest(points)
		again, againErr := set.digest(points)
		if err := errors.Join(err, againErr); err != nil || digest != again || len(digest) != 16 {
			t.Errorf("%s: %q, %q, %v", name, digest, again, err)
		}
		if other := seen[digest]; other != "" {
			t.Errorf("changing %s and changing %s must give different digests", name, other)
		}
		seen[digest] = name
	}
	set, dir := library(t)
	set.files[dir+"/lib"] = 0o755 // a directory: opens, but cannot be read
	if digest, err := set.digest(nil); digest != "" || !errors.Is(err, unix.EISDIR) {
		t.Errorf("%q, %v", digest, err)
	}
	set.files = map[string]fs.FileMode{dir + "/missing": 0o755}
	if digest, err := set.digest(nil); digest != "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q, %v", digest, err)
	}
}

// TestCopy: a copy equals its original, is on the disk, and leaves no descriptor.
func TestCopy(t *testing.T) {
	set, dir := library(t)
	to := filepath.Join(t.TempDir(), "copy")
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close forgotten files
	before := mounttest.Descriptors(t)
	if err := set.copyTo(to, []string{"/proc", "/a/b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := set.digest(nil); err != nil {
		t.Error(err)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if got := read(t, to+dir+"/lib"); !maps.Equal(got, map[string]string{"so": "library"}) {
		t.Errorf("%q", got)
	}
	info, err := os.Stat(to + dir + "/lib64/so") // through the link
	if err != nil || info.Mode() != 0o555 {
		t.Errorf("%v, %v", info, err)
	}
	for _, point := range []string{"/proc", "/a/b"} {
		if info, err := os.Stat(to + point); err != nil || !info.IsDir() {
			t.Errorf("%s: %v, %v", point, info, err)
		}
	}
	if !set.isCopied(to) {
		t.Error("it does not count as a copy")
	}
	// A copy is never overwritten.
	if err := set.copyTo(to, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
	if err := errors.Join(os.Remove(dir+"/lib/so"), os.WriteFile(dir+"/lib/so", []byte("longer than it was"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if set.isCopied(to) {
		t.Error("a file of another size counts as a copy")
	}
	if err := os.Remove(dir + "/lib/so"); err != nil {
		t.Fatal(err)
	}
	if set.isCopied(to) || newSet().isCopied(to) != true {
		t.Error("a copy of a missing file")
	}
}

// TestCopyInDoubt: the error names the first part that cannot be copied.
func TestCopyInDoubt(t *testing.T) {
	set, dir := library(t)
	for name, tt := range map[string]struct {
		change func(set *fileSet)
		in     map[string]string // obstacles at the place of the copy
		want   error
	}{
		"a mount point":              {func(*fileSet) {}, map[string]string{"proc": "file"}, unix.ENOTDIR},
		"a file's directory":         {func(*fileSet) {}, map[string]string{dir + "/lib": "file"}, unix.ENOTDIR},
		"a file":                     {func(*fileSet) {}, map[string]string{dir + "/lib/so": "/"}, os.ErrExist},
		"a link":                     {func(*fileSet) {}, map[string]string{dir + "/lib64": "file"}, os.ErrExist},
		"a link's directory":         {func(set *fileSet) { set.links["/x/y/z"] = "a" }, map[string]string{"/x/y": "file"}, unix.ENOTDIR},
		"a file that is gone":        {func(set *fileSet) { set.files["/missing"] = 0o600 }, nil, os.ErrNotExist},
		"a file that cannot be read": {func(set *fileSet) { set.files[dir+"/lib"] = 0o600 }, nil, unix.EISDIR},
		"nothing to be written to":   {func(set *fileSet) { clear(set.files); clear(set.links) }, nil, os.ErrNotExist},
	} {
		to, changed := filepath.Join(t.TempDir(), "copy"), newSet()
		maps.Copy(changed.files, set.files)
		maps.Copy(changed.links, set.links)
		tt.change(changed)
		write(t, to, tt.in)
		points := []string{"/proc"}
		if len(changed.files) == 0 {
			points = nil
		}
		if err := changed.copyTo(to, points); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestNoCopy: a partial copy is removed, and the error gives the reason.
func TestNoCopy(t *testing.T) {
	for path, says := range map[string]string{"/bin/false": "for its translators", "/missing": "no such file"} {
		if copied, err := copyTree(t.Context(), path, t.TempDir(), nil); copied.dir != "" || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", path, copied, err)
		}
	}
	client := mounttest.Glusterfs(t)
	into := t.TempDir()
	if err := unix.Mount("small", into, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(into, unix.MNT_DETACH) })
	if copied, err := copyTree(t.Context(), client, into, nil); copied.dir != "" || !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), "copy the client: ") {
		t.Errorf("without room: %v, %v", copied, err)
	}
	if names := mounttest.Names(t, into); names != "" {
		t.Errorf("left: %s", names)
	}
	if n, err := OpenNode(t.Context(), Config{StateDir: filepath.Dir(into), Glusterfs: "/bin/false", Group: mounttest.Cgroup(t)}); n != nil || err == nil {
		t.Errorf("a node without a client: %v, %v", n, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if copied, err := copyTree(ended, client, into, nil); copied.dir != "" || err == nil || !strings.HasPrefix(err.Error(), "list the libraries of "+client) {
		t.Errorf("without time: %v, %v", copied, err)
	}
}

// TestNewestTree: the newest complete copy is returned.
func TestNewestTree(t *testing.T) {
	into, now := t.TempDir(), time.Now()
	if newest, found := newestTree(into+"/missing", "/x"); found {
		t.Errorf("%v", newest)
	}
	for i, name := range []string{"3-a", "1-b", "2-c", "9-d" + unfinishedSuffix} {
		path := filepath.Join(into, name)
		if err := errors.Join(os.Mkdir(path, 0o755), os.Chtimes(path, now, now.Add(time.Duration(i)*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"2-c", "1-b", "3-a"} {
		newest, found := newestTree(into, "/x")
		if !found || newest.dir != filepath.Join(into, want) || newest.binary != "/x" {
			t.Errorf("%v, %t; want %s", newest, found, want)
		}
		if err := os.Remove(newest.dir); err != nil {
			t.Fatal(err)
		}
	}
	if newest, found := newestTree(into, "/x"); found {
		t.Errorf("an unfinished one: %v", newest)
	}
}

// TestTreesThatCannotBeRemoved: the error names them, and the others are removed.
func TestTreesThatCannotBeRemoved(t *testing.T) {
	into := t.TempDir()
	write(t, into, map[string]string{"1-a/x": "", "2-b/point/x": "/", "3-c/y": "", "4-d/z": "", "3-c/empty": "/", "5-e" + unfinishedSuffix + "/x": ""})
	point := into + "/2-b/point"
	if err := unix.Mount("", point, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(into+"/2-b"+unfinishedSuffix+"/point", unix.MNT_DETACH) })
	err := removeOtherTrees(into, func(version string) bool { return version == "3-c" })
	if err == nil || !strings.Contains(err.Error(), "is a mount point") {
		t.Errorf("%v", err)
	}
	if names := mounttest.Names(t, into); !slices.Equal(strings.Fields(names), []string{"2-b" + unfinishedSuffix, "3-c"}) {
		t.Errorf("left: %s", names)
	}
	if err := removeOtherTrees(into+"/missing", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the directory: %v", err)
	}
	if err := errors.Join(retireTree(into+"/missing"), removeTree(into+"/missing")); err != nil {
		t.Error(err)
	}
	file := into + "/3-c/y"
	if err := retireTree(file + "/x"); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("%v", err)
	}
	for _, path := range []string{file, file + "/x"} {
		if err := removeTree(path); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := errors.Join(unix.Mount(into, into, "", unix.MS_BIND, ""), unix.Mount("", into, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	err = removeTree(into + "/3-c")
	emptyErr := removeTree(into + "/3-c/empty")
	retireErr := retireTree(into + "/3-c")
	if unmountErr := unix.Unmount(into, unix.MNT_DETACH); unmountErr != nil {
		t.Fatal(unmountErr)
	}
	if !errors.Is(err, unix.EROFS) || !errors.Is(retireErr, unix.EROFS) || !errors.Is(emptyErr, unix.EROFS) {
		t.Errorf("on a disk that is read-only: %v, %v, %v", err, retireErr, emptyErr)
	}
}
