package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// renamed replaces small files by renaming new ones over them, and holds none open.
type renamed struct {
	dir string
}

// slots is the number of files. Each has the newest record whose number modulo slots is the file's.
const slots = 50

func openRenamed(dir string) (worker, error) {
	r := &renamed{filepath.Join(dir, "renamed")}
	return r, os.Mkdir(r.dir, 0o700)
}

// openSub is like openRenamed, in the volume's subPath that the pod has.
func openSub(dir string) (worker, error) { return openRenamed(subOf(dir)) }

// subOf returns the path at which this process sees the pod's subPath, a directory of the volume.
func subOf(dir string) string {
	if sub := os.Getenv(subPath); sub != "" {
		return sub
	}
	return dir + "-sub"
}

// subPath is an environment variable with the path of the subPath in a pod. Without it, a directory beside the pod's is used.
const subPath = "CHAOS_SUBPATH"

func (r *renamed) slot(seq int) string { return filepath.Join(r.dir, strconv.Itoa(seq%slots)) }

func (r *renamed) write(seq int) error {
	path := r.slot(seq)
	file, err := openFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.Write(record(seq))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	err = os.Rename(path+".new", path)
	if errors.Is(err, unix.EXDEV) {
		// A mount was replaced between the kernel's look-ups of the two names (docs/mounts.md). Nothing has changed.
		err = os.Rename(path+".new", path)
	}
	return err
}

func (r *renamed) read(seq, written int) error {
	file, err := openFile(r.slot(seq), os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(readSlot(file, seq, written), file.Close())
}

// readSlot expects the newest record of a slot, after the given number of records was written. The slot may have the next record
// already, if a failed write was carried out.
func readSlot(file *os.File, seq, written int) error {
	data := make([]byte, recordSize)
	if _, err := file.ReadAt(data, 0); err != nil {
		return err
	}
	err := check(data, seq+(written-1-seq)/slots*slots)
	if err != nil && seq%slots == written%slots && check(data, written) == nil {
		return nil
	}
	return err
}

func (r *renamed) close() error { return nil }
