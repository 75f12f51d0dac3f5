package main

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// scratch uses an emptyDir that is mounted inside the volume. It uses the directory's name each time, and holds nothing open.
type scratch struct {
	dir string
}

// scratchOf returns the directory in the volume on which a pod has an emptyDir mounted.
func scratchOf(dir string) string { return dir + "-scratch" }

func openScratch(dir string) (worker, error) {
	_, err := os.Stat(scratchOf(dir))
	return &scratch{scratchOf(dir)}, err
}

// errAstray is returned if the emptyDir is not mounted, so that the volume's own directory beneath it is visible.
var errAstray = errors.New("the volume's directory is in the place of the emptyDir")

// write writes to the visible directory, as applications do. It fails if that was the volume's.
func (s *scratch) write(seq int) error {
	root, astray, err := s.open()
	if err != nil {
		return err
	}
	file, err := root.OpenFile(strconv.Itoa(seq%slots), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = file.Write(record(seq))
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err == nil && astray {
		err = errAstray
	}
	return errors.Join(err, root.Close())
}

func (s *scratch) read(seq, written int) error {
	root, astray, err := s.open()
	if err != nil {
		return err
	}
	if astray {
		return errors.Join(errAstray, root.Close())
	}
	file, err := root.Open(strconv.Itoa(seq % slots))
	if err == nil {
		err = errors.Join(readSlot(file, seq, written), file.Close())
	}
	return errors.Join(err, root.Close())
}

// open opens the directory, and reports whether it is the volume's. Files that are opened through it stay in the same directory,
// even if mounts change meanwhile.
func (s *scratch) open() (root *os.Root, astray bool, err error) {
	root, err = os.OpenRoot(s.dir)
	if err != nil {
		return nil, false, err
	}
	dir, err := root.Open(".")
	if err == nil {
		astray, err = onVolume(dir)
		err = errors.Join(err, dir.Close())
	}
	if err != nil {
		return nil, false, errors.Join(err, root.Close())
	}
	return root, astray, nil
}

func (s *scratch) close() error { return nil }

func onVolume(dir *os.File) (bool, error) {
	var stat unix.Statfs_t
	err := unix.Fstatfs(int(dir.Fd()), &stat)
	return stat.Type == unix.FUSE_SUPER_MAGIC, err
}

// strayFiles returns the files in the volume's own directory beneath the emptyDir, if this process sees that directory instead of
// the emptyDir.
func strayFiles(dir string) (files []fs.DirEntry, beneath bool, err error) {
	open, err := os.Open(scratchOf(dir))
	if err != nil {
		return nil, false, err
	}
	defer open.Close()
	if beneath, err = onVolume(open); err != nil || !beneath {
		return nil, false, err
	}
	files, err = open.ReadDir(-1)
	return files, true, err
}
