package placement

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func newSet() *fileSet {
	return &fileSet{files: map[string]fs.FileMode{}, links: map[string]string{}, listed: map[string]bool{}}
}

// TestAdd: a file and the links that lead to it are added, and nothing else.
func TestAdd(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"lib/x/libc.so": "library", "other": ""})
	if err := errors.Join(os.Chmod(dir+"/lib/x/libc.so", 0o755), os.Symlink("lib", dir+"/lib64"), os.Symlink(dir+"/lib64/x", dir+"/x"), os.Symlink("libc.so", dir+"/lib/x/libc.so.6"),
		os.Symlink("loop", dir+"/loop"), os.Symlink("missing", dir+"/dangling")); err != nil {
		t.Fatal(err)
	}
	for path, links := range map[string]map[string]string{
		"lib/x/libc.so":   {},
		"lib64/x/libc.so": {"lib64": "lib"},
		"x/libc.so.6":     {"x": dir + "/lib64/x", "lib64": "lib", "lib/x/libc.so.6": "libc.so"},
	} {
		set, want := newSet(), map[string]string{}
		for link, target := range links {
			want[filepath.Join(dir, link)] = target
		}
		if err := set.add(filepath.Join(dir, path)); err != nil || !maps.Equal(set.links, want) || !maps.Equal(set.files, map[string]fs.FileMode{dir + "/lib/x/libc.so": 0o755}) {
			t.Errorf("%s: %q, %v, %v", path, set.links, set.files, err)
		}
	}
	for path, want := range map[string]string{"missing": "no such file", "missing/x": "no such file", "dangling": "no such file", "lib": "not a regular file", "other/x": "not a directory", "loop": "too many symbolic links"} {
		if err := newSet().add(filepath.Join(dir, path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestNotAClient: a file that is not a client is refused with the reason.
func TestNotAClient(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho /\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		script:         "read the GlusterFS client " + script,
		"/missing":     "read the GlusterFS client /missing",
		"/bin/false":   "ask the GlusterFS client for its translators",
		"/bin/echo":    `names "--print-xlatordir" as the directory`,
		"/proc/1/comm": "read the GlusterFS client /proc/1/comm",
	} {
		if set, err := clientFiles(t.Context(), path); set != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", path, err, says)
		}
	}
	libraries, _ := filepath.Glob("/lib/*/libm.so.6") // not a program, so without a loader
	for _, path := range libraries {
		if set, err := clientFiles(t.Context(), path); set != nil || err == nil || !strings.Contains(err.Error(), "is not linked dynamically") {
			t.Errorf("%s: %v", path, err)
		}
	}
	for path, says := range map[string]string{"/bin/false": "ask the GlusterFS client for its version", "/bin/true": "does not print its version"} {
		if version, err := ClientVersion(t.Context(), path); version != "" || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %q, %v; want %q", path, version, err, says)
		}
	}
}

// TestLibraryInDoubt: a client without one of its libraries would not start.
func TestLibraryInDoubt(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"/missing": "no such file", text: "read " + text, "/bin/true": "list the libraries of /bin/true"} {
		set := newSet()
		set.loader = "/bin/false"
		if err := set.library(t.Context(), path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", path, err, says)
		}
	}
	for name, listed := range map[string]string{"a library": "libm.so.6", "the C library": "libc.so.6"} {
		set := newSet()
		set.loader = filepath.Join(t.TempDir(), "loader")
		if err := os.WriteFile(set.loader, []byte("#!/bin/sh\necho '"+listed+" => /missing/"+listed+" (0x1)'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := set.library(t.Context(), "/bin/true"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s that is missing: %v", name, err)
		}
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"c/libc.so.6": "", "c/libnss_dns.so.2": "", "m/libm.so.6": "", "m/libnss_dns.so.2": "",
		"loader": "#!/bin/sh\necho 'libc.so.6 => " + dir + "/c/libc.so.6 (0x1)'\necho 'libm.so.6 => " + dir + "/m/libm.so.6 (0x2)'\n"})
	if err := os.Chmod(dir+"/loader", 0o755); err != nil {
		t.Fatal(err)
	}
	set := newSet()
	set.loader = dir + "/loader"
	if err := set.library(t.Context(), "/bin/true"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"c/libc.so.6": true, "c/libnss_dns.so.2": true, "m/libm.so.6": true, "m/libnss_dns.so.2": false} {
		if _, found := set.files[dir+"/"+name]; found != want {
			t.Errorf("%s is in the set: %t", name, found)
		}
	}
	set.loader = "/bin/false" // must not be asked about known libraries
	if err := set.library(t.Context(), "/bin/true"); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(dir+"/c/libgcc_s.so.1", 0o755); err != nil {
		t.Fatal(err)
	}
	set = newSet()
	set.loader = dir + "/loader"
	if err := set.library(t.Context(), "/bin/true"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("next to the C library: %v", err)
	}
}

// TestDamagedTranslator: without the translator, a client could not mount some volumes.
func TestDamagedTranslator(t *testing.T) {
	client := mounttest.Glusterfs(t)
	dir, err := exec.CommandContext(t.Context(), client, "--print-xlatordir").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, translator := filepath.Join(t.TempDir(), "text"), filepath.Join(strings.TrimSpace(string(dir)), "meta.so")
	if err := errors.Join(os.WriteFile(text, []byte("no library"), 0o600), unix.Mount(text, translator, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	set, err := clientFiles(t.Context(), client)
	if err := unix.Unmount(translator, 0); err != nil {
		t.Fatal(err)
	}
	if set != nil || err == nil || !strings.HasPrefix(err.Error(), "read "+translator) {
		t.Errorf("%v, %v", set, err)
	}
}

// TestSetting: a setting that exists but is not a regular file is an error.
func TestSetting(t *testing.T) {
	path := "/etc/host.conf"
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	set, err := clientFiles(t.Context(), mounttest.Glusterfs(t))
	if err != nil || set.files[path] == 0 {
		t.Errorf("%v, %v", set, err)
	}
	if err := unix.Mount(dir, "/etc", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	err = os.Mkdir(path, 0o755)
	_, got := clientFiles(t.Context(), mounttest.Glusterfs(t))
	if unmountErr := unix.Unmount("/etc", unix.MNT_DETACH); err != nil || unmountErr != nil {
		t.Fatal(err, unmountErr)
	}
	if got == nil || !strings.Contains(got.Error(), "not a regular file") {
		t.Errorf("%v", got)
	}
}

func TestParseLibraries(t *testing.T) {
	got := parseLibraries("\tlinux-vdso.so.1 (0x00007fda6fb4c000)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fda6f7b0000)\n" +
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007fda6fb4e000)\n\tlibgone.so => not found\n")
	if len(got) != 1 || got["libc.so.6"] != "/lib/x86_64-linux-gnu/libc.so.6" {
		t.Errorf("%q", got)
	}
}

func FuzzParseLibraries(f *testing.F) {
	f.Add("\tlibc.so.6 => /lib/libc.so.6 (0x00007fda6f7b0000)\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, path := range parseLibraries(text) {
			if !filepath.IsAbs(path) || strings.Contains(name, "=>") {
				t.Errorf("%q: %q at %q", text, name, path)
			}
		}
	})
}
