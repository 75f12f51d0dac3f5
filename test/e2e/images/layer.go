package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
)

// layer is an uncompressed tar archive in a temporary file.
type layer struct {
	path string
	// digest is "sha256:HEX".
	digest string
	size   int64
}

// file is an entry of a layer; directories above it need not be listed.
type file struct {
	name string
	mode int64
	// Exactly one of these is set.
	from      string // a file of the host
	content   []byte
	link      string
	directory bool
}

// maker makes the layers of an image, the lowest first. It writes their files below TMPDIR.
type maker func(context.Context) ([]layer, error)

// stack puts layers on top of others.
func stack(makers ...maker) maker {
	return func(ctx context.Context) ([]layer, error) {
		var all []layer
		for _, m := range makers {
			layers, err := m(ctx)
			if err != nil {
				return nil, err
			}
			all = append(all, layers...)
		}
		return all, nil
	}
}

// fileLayer makes a layer of files. The same files always give the same layer.
func fileLayer(files ...file) maker {
	return func(context.Context) ([]layer, error) {
		out, err := os.CreateTemp("", "layer-*.tar")
		if err != nil {
			return nil, err
		}
		defer func() { _ = out.Close() }()
		w := tar.NewWriter(out)
		seen := map[string]bool{".": true}
		for _, f := range files {
			if err := addParents(w, seen, path.Dir(f.name)); err != nil {
				return nil, err
			}
			seen[f.name] = f.directory
			if err := add(w, f); err != nil {
				return nil, err
			}
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		l, err := sumLayer(out.Name())
		return []layer{l}, err
	}
}

func addParents(w *tar.Writer, seen map[string]bool, dir string) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	if err := addParents(w, seen, path.Dir(dir)); err != nil {
		return err
	}
	return add(w, file{name: dir, mode: 0o755, directory: true})
}

func add(w *tar.Writer, f file) error {
	header := &tar.Header{Name: f.name, Mode: f.mode, Typeflag: tar.TypeReg, Size: int64(len(f.content))}
	var content io.Reader = bytes.NewReader(f.content)
	switch {
	case f.directory:
		header.Typeflag, header.Name = tar.TypeDir, f.name+"/"
	case f.link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, f.link, 0o777
	case f.from != "":
		in, err := os.Open(f.from)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		info, err := in.Stat()
		if err != nil {
			return err
		}
		content, header.Size = in, info.Size()
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(w, content)
	return err
}

func sumLayer(path string) (layer, error) {
	in, err := os.Open(path)
	if err != nil {
		return layer{}, err
	}
	defer func() { _ = in.Close() }()
	hash := sha256.New()
	size, err := io.Copy(hash, in)
	return layer{path: path, digest: "sha256:" + hex.EncodeToString(hash.Sum(nil)), size: size}, err
}
