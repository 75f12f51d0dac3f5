package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
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
	// A failed attempt may have left a part of the record.
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

// read opens the file by its name. If the client's graph has changed since a.file was opened, the kernel takes the two for
// different files, and updates the size of the newly opened one only after a second (attribute-timeout). In this case read waits
// for a missing record.
func (a *appended) read(seq, _ int) error {
	const limit = 2 * time.Second
	for deadline := time.Now().Add(limit); ; time.Sleep(pause) {
		file, err := openFile(a.path, os.O_RDONLY)
		if err != nil {
			return err
		}
		renumbered := !sameNumber(a.file, file)
		err = errors.Join(readAt(file, seq), file.Close())
		if !renumbered || !errors.Is(err, io.EOF) || time.Now().After(deadline) {
			return err
		}
	}
}

// sameNumber reports whether the client identifies two open files to the kernel by the same number. This is not the inode number.
// Files whose number cannot be read count as the same.
func sameNumber(one, other *os.File) bool {
	first, _, err := unix.NameToHandleAt(int(one.Fd()), "", unix.AT_EMPTY_PATH)
	if err != nil {
		return true
	}
	second, _, err := unix.NameToHandleAt(int(other.Fd()), "", unix.AT_EMPTY_PATH)
	return err != nil || bytes.Equal(first.Bytes(), second.Bytes())
}

func (a *appended) close() error { return a.file.Close() }

func (a *appended) replaced() bool { return replaced(a.file, filepath.Dir(a.path)) }

func (a *appended) reopen() error { return reopenFile(&a.file, a.path, os.O_WRONLY|os.O_APPEND) }
