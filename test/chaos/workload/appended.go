package main

import (
	"errors"
	"os"
	"path/filepath"
)

// appended appends through one descriptor, which is open for the whole run, and reads through new ones.
type appended struct {
	file *os.File
	path string
}

func openAppended(dir string) (worker, error) {
	path := filepath.Join(dir, "appended")
	file, err := openFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND)
	return &appended{file, path}, err
}

func (a *appended) write(seq int) error {
	// What is left of an attempt that failed.
	info, err := a.file.Stat()
	if end := int64(seq) * recordSize; err == nil && info.Size() > end {
		err = a.file.Truncate(end)
	}
	if err == nil {
		_, err = a.file.Write(record(seq))
	}
	if err != nil {
		return err
	}
	return a.file.Sync()
}

func (a *appended) read(seq, _ int) error {
	file, err := openFile(a.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(readAt(file, seq), file.Close())
}

func (a *appended) close() error { return a.file.Close() }

func (a *appended) replaced() bool { return replaced(a.file, filepath.Dir(a.path)) }

func (a *appended) reopen() error { return reopenFile(&a.file, a.path, os.O_WRONLY|os.O_APPEND) }
