package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestArchiveIsAnOCIImageLayout(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	layers, err := fileLayer(file{name: "etc/a", mode: 0o640, content: []byte("text")}, file{name: "bin/b", link: "/bin/c"})(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	made := image{names: []string{"example.org/a:1", "example.org/b:2"}, config: config{Cmd: []string{"/bin/b"}, User: "1:1"}}
	if err := writeArchive(path, made, layers); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, path)
	for name, data := range files {
		sum := sha256.Sum256(data)
		if dir, base := filepath.Split(name); dir == "blobs/sha256/" && base != hex.EncodeToString(sum[:]) {
			t.Errorf("%s has the sum %x", name, sum)
		}
	}
	var x index
	decode(t, files["index.json"], &x)
	if len(x.Manifests) != 2 || x.Manifests[1].Annotations["io.containerd.image.name"] != "example.org/b:2" {
		t.Fatalf("the index is %+v", x)
	}
	var m manifest
	decode(t, files[blob(x.Manifests[0].Digest)], &m)
	var c imageConfig
	decode(t, files[blob(m.Config.Digest)], &c)
	if len(m.Layers) != 1 || len(c.RootFS.DiffIDs) != 1 || c.RootFS.DiffIDs[0] != m.Layers[0].Digest || c.Config.User != "1:1" {
		t.Fatalf("manifest %+v, configuration %+v", m, c)
	}
	below := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(below, files[blob(m.Layers[0].Digest)], 0o600); err != nil {
		t.Fatal(err)
	}
	inside := unpack(t, below)
	if string(inside["etc/a"]) != "text" {
		t.Errorf("etc/a holds %q", inside["etc/a"])
	}
	for _, name := range []string{"etc/", "bin/", "bin/b"} {
		if _, ok := inside[name]; !ok {
			t.Errorf("the layer has no %s", name)
		}
	}
}

func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func decode(t *testing.T, data []byte, value any) {
	t.Helper()
	if err := json.Unmarshal(data, value); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
}
