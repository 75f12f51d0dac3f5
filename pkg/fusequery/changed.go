package fusequery

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// ChangedSince returns the names of files and directories that were written to after the time since. They are in the directory at
// path below root. If path is a file that was written to, ChangedSince returns that file's name. It returns no more names than
// the parameter most allows. It checks at most a thousand names, and no subdirectories. Like Open, it follows no symbolic link.
func (a *Asker) ChangedSince(ctx context.Context, limit time.Duration, root *os.File, path string, since time.Time, most int) ([]string, error) {
	// Each question has a different name, because two callers ask about different times.
	q := newQuestion(limit, strconv.FormatUint(a.opened.Add(1), 10), request{Kind: kindChanged, Path: path, Since: since.UnixNano(), Most: most})
	q.file = root
	got, err := a.ask(ctx, q)
	return got.Names, err
}

// mostRead is the maximum number of names that are read from a directory.
const mostRead = 1000

func changedSince(root *os.File, name string, since time.Time, most int) ([]string, error) {
	at, err := openBelow(root, name, false)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	fd, err := unix.Openat(int(at.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) {
		if isChanged(int(at.Fd()), "", since) {
			return []string{path.Base(name)}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	names, err := dir.Readdirnames(mostRead)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	var changed []string
	for _, name := range names {
		if len(changed) < most && isChanged(fd, name, since) {
			changed = append(changed, name)
		}
	}
	return changed, nil
}

// isChanged reports whether the file with a name was written to after a time. It returns false for a file that is gone or cannot
// be examined.
func isChanged(dir int, name string, since time.Time) bool {
	flags := unix.AT_STATX_FORCE_SYNC | unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var st unix.Statx_t
	err := mount.Uninterrupted(func() error { return unix.Statx(dir, name, flags, unix.STATX_MTIME, &st) })
	return err == nil && time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)).After(since)
}
