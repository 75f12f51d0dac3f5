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
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// tree is a copy of the client's files on the node, so that a client does not depend on the container that started it.
type tree struct {
	dir    string // <state directory>/tree/<version>
	binary string // the client's path in the copy
}

// copyTree copies the files of the client whose binary is given, unless a copy already exists. mountPoints are additional
// directories in the copy.
func copyTree(ctx context.Context, binary, into string, mountPoints []string) (tree, error) {
	set, err := clientFiles(ctx, binary)
	if err != nil {
		return tree{}, err
	}
	version, err := ClientVersion(ctx, binary)
	if err != nil {
		return tree{}, err
	}
	digest, err := set.digest(mountPoints)
	if err != nil {
		return tree{}, err
	}
	t := tree{dir: filepath.Join(into, version+"-"+digest), binary: binary}
	if set.isCopied(t.dir) {
		return t, nil
	}
	unfinished := t.dir + unfinishedSuffix
	if err := errors.Join(removeTree(unfinished), retireTree(t.dir)); err != nil {
		return tree{}, fmt.Errorf("remove an unfinished copy of the client: %w", err)
	}
	if err := set.copyTo(unfinished, mountPoints); err != nil {
		return tree{}, fmt.Errorf("copy the client: %w", errors.Join(err, removeTree(unfinished)))
	}
	return t, os.Rename(unfinished, t.dir)
}

// newestTree returns the most recent copy of any version.
func newestTree(into, binary string) (newest tree, found bool) {
	entries, _ := os.ReadDir(into) // empty if the directory does not exist
	var made time.Time
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || strings.HasSuffix(entry.Name(), unfinishedSuffix) || info.ModTime().Before(made) {
			continue
		}
		newest, made, found = tree{dir: filepath.Join(into, entry.Name()), binary: binary}, info.ModTime(), true
	}
	return newest, found
}

// isCopied reports whether the directory has all files of the set, with their sizes. After a power cut some may be empty.
func (s *fileSet) isCopied(dir string) bool {
	for path := range s.files {
		original, err := os.Stat(path)
		copied, copiedErr := os.Lstat(filepath.Join(dir, path))
		if err != nil || copiedErr != nil || original.Size() != copied.Size() {
			return false
		}
	}
	return true
}

const unfinishedSuffix = ".new"

// ClientVersion asks a GlusterFS client for its version, such as "10.3".
func ClientVersion(ctx context.Context, glusterfs string) (string, error) {
	out, err := exec.CommandContext(ctx, glusterfs, "--version").Output() //nolint:gosec // the client
	if err != nil {
		return "", fmt.Errorf("ask the GlusterFS client for its version: %w", err)
	}
	version := regexp.MustCompile(`^glusterfs ([0-9][0-9A-Za-z.-]*)\s`).FindSubmatch(out)
	if version == nil {
		return "", fmt.Errorf("the GlusterFS client does not print its version: %q", out)
	}
	return string(version[1]), nil
}

// digest returns a checksum of the content: another image may have files of the same size and time.
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
		file, err := os.Open(path) //nolint:gosec // the path belongs to the client
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
		if err := os.MkdirAll(filepath.Join(dir, point), 0o755); err != nil { //nolint:gosec // clients may read it
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
	return syncDisk(dir)
}

// syncDisk flushes the file system of a directory to its disk, because a copy, unlike the records of clients, is used after a
// reboot.
func syncDisk(dir string) error {
	file, err := os.Open(dir) //nolint:gosec // below the state directory
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Syncfs(int(file.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	source, err := os.Open(from) //nolint:gosec // the path belongs to the client
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
		if path := filepath.Join(into, entry.Name()); strings.HasSuffix(path, unfinishedSuffix) {
			failed = append(failed, removeTree(path))
		} else if !used(entry.Name()) {
			failed = append(failed, retireTree(path))
		}
	}
	return errors.Join(failed...)
}

// retireTree removes a complete copy. It renames the copy first, so that no process sees a partial copy under its name.
func retireTree(dir string) error {
	if err := os.Rename(dir, dir+unfinishedSuffix); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return removeTree(dir + unfinishedSuffix)
}

// removeTree removes a directory and its content. It returns an error for a mount point, and removes nothing in it. A path that
// does not exist counts as success.
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
