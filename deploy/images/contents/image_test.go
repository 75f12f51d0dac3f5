package contents

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// image is an unpacked image.
type image struct {
	root   string
	config config
	arch   string
}

type config struct {
	User       string            `json:"User"`
	Env        []string          `json:"Env"`
	Entrypoint []string          `json:"Entrypoint"`
	Cmd        []string          `json:"Cmd"`
	Labels     map[string]string `json:"Labels"`
}

// imagesDir returns the directory of the images, or skips the test.
func imagesDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STORAGE_IMAGES")
	if dir == "" {
		t.Skip("STORAGE_IMAGES does not name the directory of the images: make test-storage-images")
	}
	needs.Root(t, "only root unpacks images as they are")
	return dir
}

func unpackImage(t *testing.T, target string) image {
	t.Helper()
	archive := filepath.Join(imagesDir(t), target+".tar")
	var manifest []struct {
		Config string   `json:"Config"`
		Layers []string `json:"Layers"`
	}
	readMember(t, archive, "manifest.json", decodeJSON(&manifest))
	if len(manifest) != 1 {
		t.Fatalf("%s holds %d images, want one", archive, len(manifest))
	}
	var described struct {
		Architecture string `json:"architecture"`
		Config       config `json:"config"`
	}
	readMember(t, archive, manifest[0].Config, decodeJSON(&described))
	root := t.TempDir()
	for _, layer := range manifest[0].Layers {
		readMember(t, archive, layer, func(content io.Reader) error { return removeFrom(root, content) })
		readMember(t, archive, layer, func(content io.Reader) error { return unpackLayer(t.Context(), root, content) })
	}
	return image{root: root, config: described.Config, arch: described.Architecture}
}

// readMember calls read with the content of a file in an archive.
func readMember(t *testing.T, archive, name string, read func(io.Reader) error) {
	t.Helper()
	in, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("%s in %s: %v", name, archive, err)
		}
		if header.Name == name {
			if err := read(r); err != nil {
				t.Fatalf("%s in %s: %v", name, archive, err)
			}
			return
		}
	}
}

func decodeJSON(value any) func(io.Reader) error {
	return func(content io.Reader) error { return json.NewDecoder(content).Decode(value) }
}

const whiteout = ".wh." // the prefix of names with which a layer removes files of lower layers

// removeFrom removes from root the files that a layer removes.
func removeFrom(root string, layer io.Reader) error {
	for r := tar.NewReader(layer); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		dir, base := filepath.Split(filepath.Join(root, header.Name))
		if removed, found := strings.CutPrefix(base, whiteout); found {
			if err := os.RemoveAll(filepath.Join(dir, removed)); err != nil {
				return err
			}
		}
	}
}

func unpackLayer(ctx context.Context, root string, layer io.Reader) error {
	cmd := exec.CommandContext(ctx, "tar", "--extract", "--directory", root, "--numeric-owner", "--exclude", whiteout+"*")
	cmd.Stdin = layer
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, out)
	}
	return nil
}

// inside runs a bash script in the image, with /proc and no other processes, and returns its output.
func (i image) inside(t *testing.T, script string) (string, error) {
	t.Helper()
	i.native(t)
	path := ""
	for _, variable := range i.config.Env {
		if strings.HasPrefix(variable, "PATH=") {
			path = variable
		}
	}
	const enter = `mount -t proc none "$1/proc" && mount --bind /dev "$1/dev" && exec env -i "$3" chroot "$1" bash -c "$2"`
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child",
		"sh", "-c", enter, "sh", i.root, script, path).CombinedOutput()
	return string(out), err
}

// native skips the test if the programs of the image do not run on this machine.
func (i image) native(t *testing.T) {
	t.Helper()
	if i.arch != runtime.GOARCH {
		t.Skipf("the image is of %s", i.arch)
	}
}

// stat does not follow symbolic links, which would leave the image.
func (i image) stat(name string) (fs.FileInfo, error) {
	return os.Lstat(filepath.Join(i.root, name))
}
