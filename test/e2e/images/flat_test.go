package main

import (
	"archive/tar"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tarOf writes a layer with these files, in this order; an entry with content "" is a directory.
func tarOf(t *testing.T, files ...[2]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "layer.tar")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	w := tar.NewWriter(out)
	for _, f := range files {
		if err := add(w, file{name: f[0], mode: 0o755, directory: f[1] == "", content: []byte(f[1])}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlat(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	below := tarOf(t, [2]string{"./etc", ""}, [2]string{"./etc/a", "old"}, [2]string{"./etc/b", "stays"}, [2]string{"var/c", ""}, [2]string{"var/c/d", "goes"})
	above := tarOf(t, [2]string{"etc", ""}, [2]string{"etc/a", "new"}, [2]string{"var/.wh.c", "x"}, [2]string{"program", "first"})
	made, err := flat([]string{below, above}, file{name: "program", mode: 0o755, content: []byte("second")})(t.Context())
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	got := unpack(t, made[0].path)
	want := map[string]string{"etc/": "", "etc/a": "new", "./etc/b": "stays", "program": "second"}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Fatalf("the layer has %q", slices.Sorted(maps.Keys(got)))
	}
	for name, content := range want {
		if string(got[name]) != content {
			t.Errorf("%s holds %q, want %q", name, got[name], content)
		}
	}
	if _, err := flat([]string{below}, file{name: "program"})(t.Context()); err == nil {
		t.Error("flat has replaced a file that the image does not have")
	}
	opaque := tarOf(t, [2]string{"etc/.wh..wh..opq", "x"})
	if _, err := flat([]string{below, opaque})(t.Context()); err == nil {
		t.Error("flat has accepted an opaque directory")
	}
}

func TestCurrent(t *testing.T) {
	dir := t.TempDir()
	archive, input := filepath.Join(dir, "archive"), filepath.Join(dir, "input")
	s := stamp{same: true}
	touch := func(path string) {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	touch(input)
	if s.current(archive, input) {
		t.Error("a missing archive counts as current")
	}
	touch(archive)
	if !s.current(archive, input) || (stamp{}).current(archive, input) {
		t.Error("an archive that is newer than its inputs must count as current if the same program made it, and only then")
	}
	made, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	later := made.ModTime().Add(1)
	if err := os.Chtimes(input, later, later); err != nil {
		t.Fatal(err)
	}
	if s.current(archive, input) || s.current(archive, filepath.Join(dir, "none")) {
		t.Error("an archive counts as current although its input has changed or is missing")
	}
}
