package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// previousTag is the tag of the image that stands for the node plugin of an earlier version.
const previousTag = "previous"

// previous returns a variant of the node plugin's image: the driver is a binary with another version, and the client differs from
// that of the original, byte by byte. The image lies in a subdirectory, so that nodes do not import it with the others.
func previous(node, binary string) image {
	return image{
		file: filepath.Join(previousTag, "node.tar"), names: []string{ownRegistry + "glusterfs-csi-node:" + previousTag},
		inputs: []string{node, binary},
		config: config{Entrypoint: []string{"/glusterfs-csi"}, Cmd: []string{"node"}, Env: []string{searchPath}},
		layers: func(ctx context.Context) ([]layer, error) {
			layers, err := unpackLayers(node)
			if err != nil {
				return nil, err
			}
			return flat(layers,
				file{name: "glusterfs-csi", mode: 0o755, from: binary},
				file{name: "etc/gai.conf", mode: 0o644, content: []byte("# Of another image.\n")})(ctx)
		},
	}
}

// unpackLayers unpacks the layers of an archive of "make images" into TMPDIR, and returns their files, the lowest first.
func unpackLayers(archive string) ([]string, error) {
	dir, err := os.MkdirTemp("", "archive-")
	if err != nil {
		return nil, err
	}
	err = entries(archive, func(header *tar.Header, content io.Reader) error {
		if header.Typeflag != tar.TypeReg || strings.Contains(header.Name, "/") {
			return nil // an older form of the same
		}
		return writeFile(filepath.Join(dir, header.Name), content)
	})
	if err != nil {
		return nil, fmt.Errorf("%w; build it with: make images", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	var images []struct {
		Layers []string `json:"Layers"`
	}
	if err := json.Unmarshal(data, &images); err != nil {
		return nil, err
	}
	if len(images) != 1 {
		return nil, fmt.Errorf("%s has %d images, want one", archive, len(images))
	}
	layers := make([]string, 0, len(images[0].Layers))
	for _, name := range images[0].Layers {
		layers = append(layers, filepath.Join(dir, name))
	}
	return layers, nil
}

func writeFile(path string, from io.Reader) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Close())
}
