package tutorial

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// InLab runs a document of this repository on a cluster of the lab, on which the driver is not installed. root is the directory
// of the repository, where make has built helm. yours has the values of variables that only this document asks for.
func InLab(ctx context.Context, c *kubernetes.Cluster, root, document string, yours map[string]string, out io.Writer, colour bool) error {
	blocks, err := parseFile(filepath.Join(root, document))
	if err != nil {
		return err
	}
	dir, err := ReaderDir(c, root)
	if err != nil {
		return err
	}
	version, err := driver.Version(ctx, c)
	if err != nil {
		return err
	}
	values := map[string]string{"REGISTRY": driver.Registry, "VERSION": version}
	if c.Lab().BareStorage() {
		values["NODES"], values["DEVICE"] = storageNodes(c), lab.BareDevices()[0]
	} else {
		values["HEKETI_URL"], values["HEKETI_KEY"] = c.Lab().Heketi().URL, lab.HeketiKey
	}
	maps.Copy(values, yours)
	r, err := readerIn(c, root, dir)
	if err != nil {
		return err
	}
	r.Yours, r.Out, r.Colour = values, out, colour
	if err := r.Run(ctx, blocks); err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return nil
}

// SectionInLab runs the blocks of one section of a document. dir is the reader's directory, as ReaderDir creates it, with the
// files of the sections before.
func SectionInLab(ctx context.Context, c *kubernetes.Cluster, root, dir, document, section string, yours map[string]string, out io.Writer) error {
	blocks, err := parseFile(filepath.Join(root, document))
	if err != nil {
		return err
	}
	blocks = slices.DeleteFunc(blocks, func(b Block) bool { return b.Section != section })
	if len(blocks) == 0 {
		return fmt.Errorf("%s has no commands in a section %q", document, section)
	}
	r, err := readerIn(c, root, dir)
	if err != nil {
		return err
	}
	r.Yours, r.Out = yours, out
	if err := r.Run(ctx, blocks); err != nil {
		return fmt.Errorf("%s: %s: %w", document, section, err)
	}
	return nil
}

func parseFile(document string) ([]Block, error) {
	file, err := os.Open(document)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	blocks, err := Parse(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	return blocks, nil
}

// readerIn returns a Runner for a reader at the administrator's shell in dir, with the tools that make has built below root.
func readerIn(c *kubernetes.Cluster, root, dir string) (*Runner, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	return &Runner{
		Command: func(ctx context.Context, shell Shell, name string, args ...string) *exec.Cmd {
			if shell == GlusterNode {
				return c.Lab().Storage(1).Command(ctx, name, args...)
			}
			cmd := c.Command(ctx, name, args...)
			return withTools(cmd, filepath.Join(root, "build", "bin"))
		},
		Dir: dir,
	}, nil
}

func storageNodes(c *kubernetes.Cluster) string {
	names := make([]string, 0, lab.StorageNodes)
	for i := 1; i <= lab.StorageNodes; i++ {
		names = append(names, c.StorageNode(i).Name)
	}
	return strings.Join(names, " ")
}

// ReaderDir creates a directory that looks to the reader like a clone of the repository.
func ReaderDir(c *kubernetes.Cluster, root string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(c.Lab().Dir(), "tutorial-")
	if err != nil {
		return "", err
	}
	return dir, os.Symlink(filepath.Join(root, "charts"), filepath.Join(dir, "charts"))
}

// withTools puts a directory before the search path.
func withTools(cmd *exec.Cmd, dir string) *exec.Cmd {
	for i, variable := range cmd.Env {
		if path, ok := strings.CutPrefix(variable, "PATH="); ok {
			cmd.Env[i] = "PATH=" + dir + ":" + path
		}
	}
	return cmd
}
