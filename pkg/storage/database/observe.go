package database

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// observe calls notify after changes of the file, until ctx is done. The kernel reports them at once; besides, the file is
// looked at now and then, because the kernel reports nothing about a mount that was replaced, as the driver does when a
// client has died.
func observe(ctx context.Context, path string, every time.Duration, notify func()) {
	logger := klog.FromContext(ctx)
	var (
		watched *dirWatch
		seen    = look(path)
		failed  string
	)
	defer func() { watched.close() }()
	for {
		if now := look(filepath.Dir(path)); watched == nil || now.id != watched.id {
			watched.close()
			var err error
			watched, err = watchDir(path, notify)
			switch {
			case err == nil:
				notify() // for what has happened before
			case err.Error() != failed:
				logger.Error(err, "Changes of Heketi's database are noticed late", "every", every)
				failed = err.Error()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		if now := look(path); now != seen {
			seen = now
			notify()
		}
	}
}

// fileID is one file or directory of one file system.
type fileID struct{ dev, inode uint64 }

// fileSeen is what shows that a file has changed.
type fileSeen struct {
	id      fileID
	size    int64
	changed int64 // in nanoseconds
}

// look returns the zero value for a file that is not there.
func look(path string) fileSeen {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return fileSeen{}
	}
	return fileSeen{id: fileID{st.Dev, st.Ino}, size: st.Size, changed: st.Mtim.Nano()}
}

// dirWatch reads the kernel's reports about a directory in a separate goroutine.
type dirWatch struct {
	id   fileID
	file *os.File
	done chan struct{}
}

// watchDir watches the directory and not the file, which may not be there yet, or be replaced.
func watchDir(path string, notify func()) (*dirWatch, error) {
	dir := filepath.Dir(path)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &dirWatch{id: look(dir).id, file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{})}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_ONLYDIR); err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", dir, err), w.file.Close())
	}
	go func() {
		defer close(w.done)
		w.read(filepath.Base(path), notify)
	}()
	return w, nil
}

func (w *dirWatch) read(name string, notify func()) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return // closed
		}
		if concerns(buffer[:n], name) {
			notify()
		}
	}
}

// concerns reports whether one of the kernel's reports may be about a file of the name.
func concerns(reports []byte, name string) bool {
	for len(reports) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(reports[4:])
		length := int(binary.NativeEndian.Uint32(reports[12:]))
		end := unix.SizeofInotifyEvent + length
		if mask&unix.IN_Q_OVERFLOW != 0 || end > len(reports) {
			return true // some are lost
		}
		if unix.ByteSliceToString(reports[unix.SizeofInotifyEvent:end]) == name {
			return true
		}
		reports = reports[end:]
	}
	return false
}

func (w *dirWatch) close() {
	if w == nil {
		return
	}
	_ = w.file.Close()
	<-w.done
}
