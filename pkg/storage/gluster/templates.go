package gluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Template maps a directory of the image to the directory of the node that gets its files.
type Template struct{ From, To string }

// identity is the file with the server's own id in the pool. If an image contained one, all nodes would be the same server.
const identity = "glusterd.info"

// keepDirectories is this project's hook (deploy/gluster). A later version of the image may contain a corrected hook.
const keepDirectories = "S10keep-directories.sh"

// copyMissing copies the files that the node's directory lacks. It leaves existing files as they are, but renews keepDirectories.
// It continues after an error.
func (t Template) copyMissing() (copied int, err error) {
	var failures []error
	err = filepath.WalkDir(t.From, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			failures = append(failures, err)
			return nil
		}
		relative, err := filepath.Rel(t.From, path)
		if err != nil || relative == identity {
			return err
		}
		added, err := place(path, filepath.Join(t.To, relative), entry)
		if err != nil {
			failures = append(failures, err)
			if entry.IsDir() {
				return fs.SkipDir
			}
		}
		if added {
			copied++
		}
		return nil
	})
	if err = errors.Join(append(failures, err)...); err != nil {
		err = fmt.Errorf("copy %s to %s: %w", t.From, t.To, err)
	}
	return copied, err
}

// place copies one file, directory or link to a path, unless the path exists. It renews keepDirectories.
func place(from, to string, entry fs.DirEntry) (added bool, err error) {
	info, err := entry.Info()
	if err != nil {
		return false, err
	}
	switch _, err := os.Lstat(to); {
	case err == nil && entry.Name() == keepDirectories:
		return renewFile(from, to, info)
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	switch kind := info.Mode().Type(); {
	case kind == fs.ModeDir:
		if err := os.Mkdir(to, info.Mode().Perm()); err != nil {
			return false, err
		}
		return true, own(to, info)
	case kind == fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return false, err
		}
		return true, os.Symlink(target, to)
	case kind.IsRegular():
		return placeFile(from, to, info)
	}
	return false, fmt.Errorf("%s is not a file, directory or link", from)
}

// placeFile creates the whole file or nothing. It uses a link, because a rename could replace an existing file.
func placeFile(from, to string, info fs.FileInfo) (added bool, err error) {
	temporary, err := copyBeside(from, to, info)
	if err != nil {
		return false, err
	}
	defer os.Remove(temporary) //nolint:gosec // the name is ours
	err = os.Link(temporary, to)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// renewFile replaces a file if its content differs. A hook that runs continues with the old file.
func renewFile(from, to string, info fs.FileInfo) (renewed bool, err error) {
	wanted, err := os.ReadFile(from) //nolint:gosec // of the image
	if err != nil {
		return false, err
	}
	present, err := os.ReadFile(to) //nolint:gosec // a file of glusterd
	if err != nil || bytes.Equal(present, wanted) {
		return false, err
	}
	temporary, err := copyBeside(from, to, info)
	if err != nil {
		return false, err
	}
	if err := os.Rename(temporary, to); err != nil {
		return false, errors.Join(err, os.Remove(temporary))
	}
	return true, nil
}

// copyBeside copies a file into the directory of its later path. It returns the temporary name of the copy.
func copyBeside(from, to string, info fs.FileInfo) (name string, err error) {
	source, err := os.Open(from) //nolint:gosec // of the image
	if err != nil {
		return "", err
	}
	defer source.Close()
	temporary, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(temporary, source)
	err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), own(temporary.Name(), info), temporary.Sync(), temporary.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(temporary.Name()))
	}
	return temporary.Name(), nil
}

// own gives a file the owner that it has in the image.
func own(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Lchown(path, int(stat.Uid), int(stat.Gid))
}
