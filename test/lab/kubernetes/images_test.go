package kubernetes

import (
	"archive/tar"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestImagesIn(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"some", "more"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := func(names ...string) []string {
		for i := range names {
			names[i] = filepath.Join(dir, names[i])
		}
		return names
	}
	for _, image := range path("some/a.tar", "some/b.tar", "more/c.tar") {
		writeTar(t, image, "index.json")
	}
	writeTar(t, filepath.Join(dir, "some/packages.tar"), "etc/passwd")
	for name, c := range map[string]struct{ given, want []string }{
		"nothing":                      {nil, nil},
		"a directory":                  {path("some"), path("some/a.tar", "some/b.tar")},
		"an archive":                   {path("some/b.tar"), path("some/b.tar")},
		"an archive and a directory":   {path("some/b.tar", "more"), path("some/b.tar", "more/c.tar")},
		"as labctl has it from a user": {List(strings.Join(path("more", "some/a.tar"), ",")), path("more/c.tar", "some/a.tar")},
		"as labctl has it from none":   {List(""), nil},
	} {
		got, err := imagesIn(c.given)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
	if got, err := imagesIn(path("missing")); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %q, %v for a directory that is not there", got, err)
	}
}

func writeTar(t *testing.T, path, name string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	w := tar.NewWriter(file)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
