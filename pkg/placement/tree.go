package placement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// tree is a copy of the client's files on the node, so that a client needs nothing of the container that started it.
type tree struct {
	dir    string // <state directory>/tree/<version>
	binary string // the client's path in it
}

// copyTree makes the copy, unless it is there. mountPoints are directories that the tree has in addition.
func copyTree(ctx context.Context, glusterfs, into string, mountPoints []string) (tree, error) {
	binary, err := filepath.Abs(glusterfs)
	if err != nil {
		return tree{}, err
	}
	set, err := clientFiles(ctx, binary)
	if err != nil {
		return tree{}, err
	}
	version, err := clientVersion(ctx, binary)
	if err != nil {
		return tree{}, err
	}
	digest, err := set.digest(mountPoints)
	if err != nil {
		return tree{}, err
	}
	t := tree{dir: filepath.Join(into, version+"-"+digest), binary: binary}
	if _, err := os.Stat(t.dir); err == nil {
		return t, nil
	}
	unfinished := t.dir + unfinishedSuffix
	if err := removeTree(unfinished); err != nil {
		return tree{}, fmt.Errorf("remove an unfinished copy of the client: %w", err)
	}
	if err := set.copyTo(unfinished, mountPoints); err != nil {
		return tree{}, fmt.Errorf("copy the client: %w", errors.Join(err, removeTree(unfinished)))
	}
	return t, os.Rename(unfinished, t.dir)
}

const unfinishedSuffix = ".new"

// clientVersion asks the client.
func clientVersion(ctx context.Context, glusterfs string) (string, error) {
	out, err := exec.CommandContext(ctx, glusterfs, "--version").Output() //nolint:gosec // the client
	if err != nil {
		return "", fmt.Errorf("ask the GlusterFS client for its version: %w", err)
	}
	version := regexp.MustCompile(`^glusterfs ([0-9][0-9A-Za-z.-]*)\s`).FindSubmatch(out)
	if version == nil {
		return "", fmt.Errorf("the GlusterFS client does not say its version: %q", out)
	}
	return string(version[1]), nil
}

// digest names the content: another image may have files of the same size and time.
func (s *fileSet) digest(mountPoints []string) (string, error) {
	sum := sha256.New()
	for _, point := range mountPoints {
		fmt.Fprintf(sum, "dir %q\n", point)
	}
	for _, link := range slices.Sorted(maps.Keys(s.links)) {
		fmt.Fprintf(sum, "link %q %q\n", link, s.links[link])
	}
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		fmt.Fprintf(sum, "file %q %o\n", path, s.files[path])
		file, err := os.Open(path) //nolint:gosec // of the client
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, file)
		_ = file.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func (s *fileSet) copyTo(dir string, mountPoints []string) error {
	for _, point := range mountPoints {
		if err := os.MkdirAll(filepath.Join(dir, point), 0o755); err != nil { //nolint:gosec // what a client may look into
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		if err := copyFile(path, filepath.Join(dir, path), s.files[path]); err != nil {
			return err
		}
	}
	for link, target := range s.links {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755); err != nil { //nolint:gosec // as above
			return err
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	source, err := os.Open(from) //nolint:gosec // of the client
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // below the state directory
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// removeOtherTrees removes copies that no client uses.
func removeOtherTrees(into string, used func(version string) bool) error {
	entries, err := os.ReadDir(into)
	failed := []error{err}
	for _, entry := range entries {
		if version, unfinished := strings.CutSuffix(entry.Name(), unfinishedSuffix); unfinished || !used(version) {
			failed = append(failed, removeTree(filepath.Join(into, entry.Name())))
		}
	}
	return errors.Join(failed...)
}

// removeTree removes a directory with everything in it, but nothing that is mounted there, and nothing of what it is mounted on. A
// path that does not exist is success.
func removeTree(dir string) error {
	if top, err := mount.Top(dir); top != nil || err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("%s is a mount point", dir))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if entry.IsDir() {
			err = removeTree(path)
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return mount.RemoveDir(dir)
}
