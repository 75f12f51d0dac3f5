package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// flat merges several layers into one, and replaces some files. The result shares no layer with the original image, so that its
// files disappear when it is removed from a node.
func flat(layers []string, instead ...file) maker {
	return func(context.Context) ([]layer, error) {
		from, err := topmost(layers)
		if err != nil {
			return nil, err
		}
		for _, f := range instead {
			if _, ok := from[f.name]; !ok {
				return nil, fmt.Errorf("the image has no %s", f.name)
			}
			from[f.name] = len(layers)
		}
		out, err := os.CreateTemp("", "layer-*.tar")
		if err != nil {
			return nil, err
		}
		defer func() { _ = out.Close() }()
		w := tar.NewWriter(out)
		for i, path := range layers {
			if err := copyEntries(w, path, func(name string) bool { n, ok := from[name]; return ok && n == i }); err != nil {
				return nil, err
			}
		}
		for _, f := range instead {
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

const (
	whiteout = ".wh." // prefix of the names that a layer removes from those below
	opaque   = whiteout + whiteout + ".opq"
)

// topmost returns the number of the layer from which each file of an image comes.
func topmost(layers []string) (map[string]int, error) {
	from := map[string]int{}
	for i, layer := range layers {
		err := entries(layer, func(header *tar.Header, _ io.Reader) error {
			name := path.Clean(header.Name)
			dir, base := path.Split(name)
			removed, hides := strings.CutPrefix(base, whiteout)
			switch {
			case base == opaque:
				return fmt.Errorf("%s: directories that hide those below are not understood", name)
			case hides:
				remove(from, dir+removed)
			default:
				from[name] = i
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return from, nil
}

// remove removes a file, or a directory with its content.
func remove(from map[string]int, name string) {
	for other := range from {
		if other == name || strings.HasPrefix(other, name+"/") {
			delete(from, other)
		}
	}
}

func copyEntries(w *tar.Writer, layer string, wanted func(name string) bool) error {
	return entries(layer, func(header *tar.Header, content io.Reader) error {
		if !wanted(path.Clean(header.Name)) {
			return nil
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.Copy(w, content)
		return err
	})
}

// entries calls do with each entry of a layer.
func entries(layer string, do func(*tar.Header, io.Reader) error) error {
	in, err := os.Open(layer)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(header, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", layer, err)
		}
	}
}
