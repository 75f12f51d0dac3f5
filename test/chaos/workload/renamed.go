package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// renamed replaces small files by renaming new ones over them, and holds none open.
type renamed struct {
	dir string
}

// slots is the number of files: each has the newest record whose number has the same remainder.
const slots = 50

func openRenamed(dir string) (worker, error) {
	r := &renamed{filepath.Join(dir, "renamed")}
	return r, os.Mkdir(r.dir, 0o700)
}

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
	return os.Rename(path+".new", path)
}

func (r *renamed) read(seq, written int) error {
	newest := seq + (written-1-seq)/slots*slots
	file, err := openFile(r.slot(seq), os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(readFirst(file, newest), file.Close())
}

func readFirst(file *os.File, seq int) error {
	data := make([]byte, recordSize)
	if _, err := file.ReadAt(data, 0); err != nil {
		return err
	}
	return check(data, seq)
}

func (r *renamed) close() error { return nil }
