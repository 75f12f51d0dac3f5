package fusequery

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Open opens a path below the directory root with O_PATH, and waits for bricks. It follows no symbolic link and leaves neither
// root nor the file system, because the users of a volume decide where a name in it leads. The caller closes the file.
func (a *Asker) Open(ctx context.Context, limit time.Duration, root *os.File, path string) (*os.File, error) {
	return a.open(ctx, limit, root, request{Kind: kindOpen, Path: path})
}

// OpenAcross is like Open, but path may cross mount points, like the path of a mount point in a container. It opens the topmost
// mount at path itself.
func (a *Asker) OpenAcross(ctx context.Context, limit time.Duration, root *os.File, path string) (*os.File, error) {
	return a.open(ctx, limit, root, request{Kind: kindOpen, Path: path, Mounts: true})
}

// open gives each question a different name, because two callers cannot share a descriptor. If an earlier question for the same
// file still has no answer after its limit, open returns ErrTimeout at once: a new question would only leave another process that
// cannot be killed.
func (a *Asker) open(ctx context.Context, limit time.Duration, root *os.File, r request) (*os.File, error) {
	q := newQuestion(limit, strconv.FormatUint(a.opened.Add(1), 10), r)
	q.file, q.opens = root, opening(root, r)
	if a.stillWaits(q.opens) {
		return nil, fmt.Errorf("%w: an earlier request for %s still waits for its answer", mount.ErrTimeout, r.Path)
	}
	var mu sync.Mutex
	var file *os.File
	gaveUp := false
	q.deliver = func(got answer) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case got.file == nil:
		case gaveUp:
			_ = got.file.Close()
		default:
			file = got.file
		}
	}
	_, err := a.ask(ctx, q)
	mu.Lock()
	defer mu.Unlock()
	gaveUp = err != nil
	switch {
	case err != nil && file != nil:
		_ = file.Close()
	case err == nil && file == nil: // the kernel drops the descriptor if this process has too many
		err = fmt.Errorf("%w: receive the opened file: %w", ErrNotAsked, unix.EMFILE)
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

// opening returns a key for the file that a request opens. It consists of the mount and inode of root, and the path.
func opening(root *os.File, r request) string {
	at, err := mount.Identify(root)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d %t %s", at.Mount, at.Inode, r.Mounts, r.Path)
}

// stillWaits reports whether a process still waits for the file with the key opens after the limit of its question.
func (a *Asker) stillWaits(opens string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.asked {
		if opens != "" && q.opens == opens && q.isLate && !q.isOver() {
			return true
		}
	}
	return false
}

func openBelow(root *os.File, path string, mounts bool) (opened *os.File, err error) {
	if root == nil { // the kernel dropped the descriptor
		return nil, fmt.Errorf("open %s: no directory was received: %w", path, unix.EMFILE)
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC, // with O_NOFOLLOW a link itself would be opened
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	if !mounts {
		how.Resolve |= unix.RESOLVE_NO_XDEV
	}
	conn, err := root.SyscallConn()
	if err != nil {
		return nil, err
	}
	// The descriptor stays open until the function returns.
	controlErr := conn.Control(func(dir uintptr) {
		err = mount.Uninterrupted(func() error {
			fd, err := unix.Openat2(int(dir), path, &how)
			if err == nil {
				opened = os.NewFile(uintptr(fd), path)
			}
			return err
		})
	})
	if controlErr != nil {
		return nil, controlErr
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return opened, nil
}
