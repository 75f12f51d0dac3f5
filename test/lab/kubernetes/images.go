package kubernetes

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List splits the value of Options.Images on a command line, where commas separate the images.
func List(images string) []string {
	return strings.FieldsFunc(images, func(r rune) bool { return r == ',' })
}

// imagesIn lists the given archives and those in the given directories.
func imagesIn(paths []string) ([]string, error) {
	var images []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("images for nodes: %w", err)
		}
		if !info.IsDir() {
			images = append(images, path)
			continue
		}
		inDir, err := imagesInDir(path)
		if err != nil {
			return nil, err
		}
		images = append(images, inDir...)
	}
	return images, nil
}

// imagesInDir lists the image archives in a directory, which may contain other archives.
func imagesInDir(dir string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err != nil {
		return nil, err
	}
	var images []string
	for _, path := range found {
		is, err := isImage(path)
		if err != nil {
			return nil, err
		}
		if is {
			images = append(images, path)
		}
	}
	return images, nil
}

// isImage reports whether an archive has the table of contents of an OCI or Docker image.
func isImage(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return false, err
	}
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		if slices.Contains([]string{"index.json", "manifest.json"}, header.Name) {
			return true, nil
		}
	}
}

// Images lists the names of the images on the node.
func (n *Node) Images(ctx context.Context) ([]string, error) {
	out, err := n.Machine.Output(ctx, "ctr", "--namespace=k8s.io", "images", "list", "--quiet")
	if err != nil {
		return nil, fmt.Errorf("list the images of a node: %w", err)
	}
	return strings.Fields(out), nil
}

// spareImages is a file that lists the archives for the spare node, one a line.
const spareImages = "spare-images"

// keepSpareImages records for the spare node the archives that the other storage nodes import.
func (c *Cluster) keepSpareImages(archives []string) error {
	var lines strings.Builder
	for _, archive := range archives {
		path, err := filepath.Abs(archive)
		if err != nil {
			return err
		}
		lines.WriteString(path + "\n")
	}
	return os.WriteFile(c.path(spareImages), []byte(lines.String()), 0o644)
}

// importOnce imports the archives that keepSpareImages recorded, unless the node already has images.
func (n *Node) importOnce(ctx context.Context) error {
	if has, err := n.Images(ctx); err != nil || len(has) > 0 {
		return err
	}
	list, err := os.ReadFile(n.cluster.path(spareImages))
	if err != nil {
		return err
	}
	return n.ImportImages(ctx, strings.Split(strings.TrimSpace(string(list)), "\n")...)
}

// ImportImages loads image archives from the host into the node's containerd.
func (n *Node) ImportImages(ctx context.Context, archives ...string) error {
	for _, archive := range archives {
		if err := n.importImage(ctx, archive); err != nil {
			return fmt.Errorf("image %s on %s: %w", archive, n.Name, err)
		}
	}
	return nil
}

// importImage passes the archive on standard input, because the machine may not see the file on the host.
func (n *Node) importImage(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	cmd := n.Machine.Command(ctx, "ctr", "--namespace=k8s.io", "images", "import", "-")
	cmd.Stdin = file
	return run(cmd)
}
