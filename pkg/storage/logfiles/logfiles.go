// Package logfiles bounds the logs of GlusterFS on a node, which GlusterFS itself never shortens. Keeper.Run checks the logs once
// a minute until its context is done. By default, a log that reaches 16 MiB is shortened, and four copies are kept; see Limits.
//
// A log that is too large is copied and truncated in place. GlusterFS opens all its logs with O_APPEND
// (libglusterfs/src/logging.c), so a process continues at the beginning of the file. A line that is written between the last read
// and the truncation is lost. This time is short, because nothing happens in between.
//
// Copies, and logs of bricks and of heal queries that no process has open, are removed after 30 days without a line (Limits.Age).
// The directory must be absolute and contain no symbolic link, and the Keeper must see all processes that write the logs;
// otherwise open logs look unused.
//
// The alternative is to rename the log and send SIGHUP, as "gluster volume log rotate" and GlusterFS's file for logrotate do. That
// loses no line, but SIGHUP ends a process that does not handle the signal yet, or never does (the gluster command, glfsheal, a
// brick in its first moments). It also makes the other processes, including glusterd's clients, fetch their volume files again
// (glusterfsd/src/glusterfsd.c, xlators/protocol/server/src/server.c).
package logfiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// Limits set how much is kept.
type Limits struct {
	Size   int64         // largest size of a log, in bytes
	Copies int           // number of packed copies kept beside a log
	Age    time.Duration // copies, and logs of removed bricks, are removed this long after their last line
}

// DefaultLimits returns limits that keep enough for an administrator to find out why a brick failed last week.
func DefaultLimits() Limits {
	return Limits{Size: 16 << 20, Copies: 4, Age: 30 * 24 * time.Hour}
}

// Keeper bounds the logs in a directory.
type Keeper struct {
	Limits

	Dir  string
	Proc string // default: /proc
}

const interval = time.Minute

// Run checks the logs once a minute until ctx is done.
func (k Keeper) Run(ctx context.Context) {
	logger := klog.FromContext(ctx)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	last := ""
	for {
		text := ""
		if err := k.boundAll(ctx, time.Now()); err != nil {
			text = err.Error()
			if text != last {
				logger.Error(err, "Logs of GlusterFS are not bounded", "directory", k.Dir)
			}
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// boundAll bounds each file of the directory once. It continues with the next file after an error.
func (k Keeper) boundAll(ctx context.Context, now time.Time) error {
	var failures []error
	var old []string
	_ = filepath.WalkDir(k.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var unused bool
			if unused, err = k.bound(ctx, path, entry, now); unused {
				old = append(old, path)
			}
		}
		failures = append(failures, err)
		return ctx.Err()
	})
	return errors.Join(append(failures, k.removeUnused(ctx, old))...)
}

// bound bounds one file. It reports whether the file is a log that should be removed unless a process has it open.
func (k Keeper) bound(ctx context.Context, path string, entry fs.DirEntry, now time.Time) (unused bool, err error) {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	aged := now.Sub(info.ModTime()) >= k.Age
	switch {
	case isCopy(path):
		if aged {
			err = os.Remove(path)
		}
	case !strings.HasSuffix(path, logSuffix):
	case aged && k.mayBeOrphan(path):
		unused = true
	case info.Size() >= k.Size:
		err = k.shorten(ctx, path)
	}
	return unused, err
}

// mayBeOrphan reports whether path is the log of a brick, or of a query of a volume's heal backlog. Each volume adds such files,
// and its deletion leaves them behind.
func (k Keeper) mayBeOrphan(path string) bool {
	return filepath.Dir(path) == filepath.Join(k.Dir, "bricks") || filepath.Dir(path) == filepath.Clean(k.Dir) && strings.HasPrefix(filepath.Base(path), "glfsheal-")
}

// removeUnused removes logs that no process has open. A brick that has logged nothing for a month still has its log open.
func (k Keeper) removeUnused(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	proc := k.Proc
	if proc == "" {
		proc = "/proc"
	}
	open, err := openFiles(proc, k.Dir)
	if err != nil {
		return err // one of the logs may be open
	}
	var failures []error
	for _, path := range paths {
		if open[path] {
			continue
		}
		if err := os.Remove(path); err != nil {
			failures = append(failures, err)
			continue
		}
		klog.FromContext(ctx).Info("Removed a log that no process has open", "file", path)
	}
	return errors.Join(failures...)
}
