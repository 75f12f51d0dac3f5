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

// observe calls notify after each change of the file, until ctx is done. The kernel reports changes at once. observe also polls
// the file, because the kernel's watch sees nothing after the driver has replaced the mount of a dead client.
func observe(ctx context.Context, path string, every time.Duration, notify func()) {
	logger := klog.FromContext(ctx)
	var (
		watched *dirWatch
		seen    = stat(path)
		failed  string
	)
	defer func() { watched.close() }()
	for {
		if now := stat(filepath.Dir(path)); watched == nil || now.id != watched.id {
			watched.close()
			var err error
			watched, err = watchDir(path, notify)
			switch {
			case err == nil:
				notify() // the file may have changed before the watch began
			case err.Error() != failed:
				logger.Error(err, "The kernel's events are not available: changes of Heketi's database are noticed late", "every", every)
				failed = err.Error()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		if now := stat(path); now != seen {
			seen = now
			notify()
		}
	}
}

// fileID identifies a file or directory: its file system and inode.
type fileID struct{ dev, inode uint64 }

// fileSeen holds the properties by which a change of the file is noticed.
type fileSeen struct {
	id      fileID
	size    int64
	changed int64 // in nanoseconds
}

// stat returns the zero value if the file does not exist.
func stat(path string) fileSeen {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return fileSeen{}
	}
	return fileSeen{id: fileID{st.Dev, st.Ino}, size: st.Size, changed: st.Mtim.Nano()}
}

// dirWatch reads the kernel's events for a directory in a separate goroutine.
type dirWatch struct {
	id   fileID
	file *os.File
	done chan struct{}
}

// watchDir watches the directory, not the file: the file may be created or replaced later.
func watchDir(path string, notify func()) (*dirWatch, error) {
	dir := filepath.Dir(path)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &dirWatch{id: stat(dir).id, file: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{})}
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

// concerns reports whether one of the kernel's events may be about the file with this name.
func concerns(reports []byte, name string) bool {
	for len(reports) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(reports[4:])
		length := int(binary.NativeEndian.Uint32(reports[12:]))
		end := unix.SizeofInotifyEvent + length
		if mask&unix.IN_Q_OVERFLOW != 0 || end > len(reports) {
			return true // some events are lost
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
