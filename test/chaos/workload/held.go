package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// held writes and reads through one descriptor, which is open for the whole run.
type held struct {
	file *os.File
	path string
}

func openHeld(dir string) (worker, error) {
	path := filepath.Join(dir, "held")
	file, err := openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	return &held{file, path}, err
}

func (h *held) write(seq int) error {
	if _, err := h.file.WriteAt(record(seq), int64(seq)*recordSize); err != nil {
		return err
	}
	return h.file.Sync()
}

func (h *held) read(seq, _ int) error { return readAt(h.file, seq) }

func (h *held) close() error { return h.file.Close() }

func (h *held) replaced() bool { return replaced(h.file, filepath.Dir(h.path)) }

func (h *held) reopen() error { return reopenFile(&h.file, h.path, os.O_RDWR) }

// readAt reads a record from the volume, after dropping the kernel's cache of it.
func readAt(file *os.File, seq int) error {
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return err
	}
	data := make([]byte, recordSize)
	if _, err := file.ReadAt(data, int64(seq)*recordSize); err != nil {
		return err
	}
	return check(data, seq)
}

// errBeneath is returned for a file that is not on the volume, but in the directory under its mount point.
var errBeneath = errors.New("opened beneath the mount point")

// openFile opens a file of the volume.
func openFile(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &fs); err != nil {
		return nil, errors.Join(&os.PathError{Op: "fstatfs", Path: path, Err: err}, file.Close())
	}
	if fs.Type != unix.FUSE_SUPER_MAGIC && os.Getenv(anywhere) == "" {
		return nil, errors.Join(&os.PathError{Op: "open", Path: path, Err: errBeneath}, file.Close())
	}
	return file, nil
}

// anywhere is an environment variable that allows directories that are not on a volume: for tests.
const anywhere = "CHAOS_ANYWHERE"
