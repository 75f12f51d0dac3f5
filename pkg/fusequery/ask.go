package fusequery

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Getattr returns the device of the file system that answers for path. It bypasses every cache and waits for bricks.
func (a *Asker) Getattr(ctx context.Context, limit time.Duration, subject, path string) (mount.Device, error) {
	got, err := a.ask(ctx, newQuestion(limit, subject, request{Kind: kindGetattr, Path: path}))
	return got.Device, err
}

// ClientEnded reports whether the client of the GlusterFS mount at path is gone for good. It does not wait for bricks.
func (a *Asker) ClientEnded(ctx context.Context, limit time.Duration, subject, path string) (bool, error) {
	got, err := a.ask(ctx, newQuestion(limit, subject, request{Kind: kindEnded, Path: path}))
	return got.Ended, err
}

// ClientEndedAt is like ClientEnded, for an open directory of the mount.
func (a *Asker) ClientEndedAt(ctx context.Context, limit time.Duration, subject string, at *os.File) (bool, error) {
	q := newQuestion(limit, subject, request{Kind: kindEndedAt})
	q.file = at
	got, err := a.ask(ctx, q)
	return got.Ended, err
}

// Statfs returns the statistics of the file system on device that is mounted at path, or ErrNotMounted if another file system is
// mounted there.
func (a *Asker) Statfs(ctx context.Context, limit time.Duration, subject, path string, device mount.Device) (mount.Stats, error) {
	got, err := a.ask(ctx, newQuestion(limit, subject, request{Kind: kindStatfs, Path: path, Device: device}))
	return got.Stats, err
}

// OpenMeta opens the .meta directory of the GlusterFS mount at path, which must be on device. name is the client's name for that
// directory. OpenMeta passes the open directory to the function keep, which then owns it, before any caller gets the answer, and
// even if no caller waits any more.
func (a *Asker) OpenMeta(ctx context.Context, limit time.Duration, subject, path, name string, device mount.Device, keep func(*os.File)) error {
	q := newQuestion(limit, subject, request{Kind: kindOpenMeta, Path: path, Name: name, Device: device})
	q.deliver = func(got answer) {
		if got.file != nil {
			keep(got.file)
		}
	}
	got, err := a.ask(ctx, q)
	if err == nil && got.file == nil { // the kernel drops the descriptor if this process has too many
		err = fmt.Errorf("%w: receive its directory .meta: %w", ErrNotAsked, unix.EMFILE)
	}
	return err
}

// ReadMeta returns the state that a client reports below its .meta, without asking a brick.
func (a *Asker) ReadMeta(ctx context.Context, limit time.Duration, subject string, meta *os.File) (mount.Health, error) {
	q := newQuestion(limit, subject, request{Kind: kindReadMeta})
	q.file = meta
	got, err := a.ask(ctx, q)
	return got.Health, err
}

// ActiveGraph returns the name of the translator graph that a client uses. It does not ask a brick.
func (a *Asker) ActiveGraph(ctx context.Context, limit time.Duration, subject string, meta *os.File) (string, error) {
	q := newQuestion(limit, subject, request{Kind: kindGraph})
	q.file = meta
	got, err := a.ask(ctx, q)
	return got.Path, err
}

// ReadGraph returns the bricks of a client's graph, without asking a brick.
func (a *Asker) ReadGraph(ctx context.Context, limit time.Duration, subject string, meta *os.File) (mount.Graph, error) {
	q := newQuestion(limit, subject, request{Kind: kindReadGraph})
	q.file = meta
	got, err := a.ask(ctx, q)
	return got.Graph, err
}

// EvalSymlinks returns path without symbolic links.
func (a *Asker) EvalSymlinks(ctx context.Context, limit time.Duration, path string) (string, error) {
	got, err := a.ask(ctx, newQuestion(limit, path, request{Kind: kindSymlinks, Path: path}))
	return got.Path, err
}

func newQuestion(limit time.Duration, subject string, r request) *question {
	return &question{name: string(r.Kind) + " " + subject, request: r, limit: limit}
}
