package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// reopener is a worker that holds a file open. When the volume's client has ended, the open file is useless. The application has
// to open it again by its name, through the new client.
type reopener interface {
	// replaced reports whether the name leads to another client than the one with which the file was opened. It is false as long
	// as that client lives, however many calls fail because bricks are away.
	replaced() bool
	reopen() error
}

// replaced reports whether a directory is on another file system than an open file. The kernel does not reuse a device number
// while the file is open.
func replaced(file *os.File, dir string) bool {
	var then, now unix.Statx_t
	// This reads the kernel's cache, because an ended client does not answer.
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &then)
	if err == nil {
		err = unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_TYPE, &now)
	}
	return err == nil && (now.Dev_major != then.Dev_major || now.Dev_minor != then.Dev_minor)
}

// reopenFile opens a file again by its name, and closes the old one.
func reopenFile(file **os.File, path string, flags int) error {
	again, err := openFile(path, flags)
	if err != nil {
		return err
	}
	_ = (*file).Close() // fails if its client has ended
	*file = again
	return nil
}
