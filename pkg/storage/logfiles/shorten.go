package logfiles

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"syscall"

	"k8s.io/klog/v2"
)

const (
	logSuffix = ".log"
	newSuffix = ".new" // suffix of a copy that is being made
)

var copyName = regexp.MustCompile(`\.log\.[0-9]+\.gz(\.new)?$`)

// isCopy reports whether path is a copy of a log. That includes a copy that a killed process has left unfinished.
func isCopy(path string) bool { return copyName.MatchString(path) }

func copyPath(path string, n int) string { return path + "." + strconv.Itoa(n) + ".gz" }

// shorten copies a log and empties it. It empties the log even if the copy fails: logs that fill the node's disk would stop
// glusterd, whose files are mostly on the same disk.
func (k Keeper) shorten(ctx context.Context, path string) error {
	log, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0) // #nosec G304 -- below the directory of the logs
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer log.Close()
	return k.empty(ctx, log, path)
}

// empty is shorten for an open log.
func (k Keeper) empty(ctx context.Context, log *os.File, path string) (err error) {
	var emptied bool
	if k.Copies == 0 {
		err = log.Truncate(0)
		emptied = err == nil
	} else {
		emptied, err = k.emptyIntoCopy(log, path)
	}
	if emptied {
		klog.FromContext(ctx).Info("Emptied a log of GlusterFS", "file", path, "copies", k.Copies)
	}
	return err
}

// emptyIntoCopy packs the log into its first copy, and empties the log even without a copy. It reports whether the log is empty.
func (k Keeper) emptyIntoCopy(log *os.File, path string) (emptied bool, err error) {
	temporary := copyPath(path, 1) + newSuffix
	var left error
	// If an earlier process was killed here, the file may hold lines that are no longer in the log.
	if info, err := os.Lstat(temporary); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		left = k.addCopy(path, temporary)
	}
	if err := pack(log, temporary); err != nil {
		if truncateErr := log.Truncate(0); truncateErr != nil {
			return false, errors.Join(left, err, truncateErr)
		}
		return true, errors.Join(left, fmt.Errorf("%s is emptied without a copy: %w", path, err))
	}
	return true, errors.Join(left, k.addCopy(path, temporary))
}

// addCopy makes a file the first copy of the log.
func (k Keeper) addCopy(path, file string) error {
	return errors.Join(k.moveOn(path), os.Rename(file, copyPath(path, 1)))
}

// pack writes the log into a copy, and empties the log.
func pack(log *os.File, copyTo string) error {
	file, err := os.OpenFile(copyTo, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600) // #nosec G304 -- see shorten
	if err != nil {
		return err
	}
	if err := errors.Join(packInto(file, log), file.Close()); err != nil {
		return errors.Join(err, os.Remove(copyTo))
	}
	return nil
}

// packInto copies the log, then empties it at once. The second round copies the lines that were written during the first.
func packInto(file io.Writer, log *os.File) error {
	packer, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	for range 2 {
		info, err := log.Stat()
		if err != nil {
			return err
		}
		// A process may write faster than packInto packs, so each round has a limit.
		if _, err := io.Copy(packer, io.LimitReader(log, info.Size())); err != nil {
			return err
		}
		if err := packer.Flush(); err != nil {
			return err
		}
	}
	return errors.Join(log.Truncate(0), packer.Close())
}

// moveOn renumbers the copies to make room for a first one. It removes copies beyond the allowed number.
func (k Keeper) moveOn(path string) error {
	last := k.Copies
	for {
		if _, err := os.Lstat(copyPath(path, last+1)); err != nil {
			break
		}
		last++
	}
	for n := last; n >= 1; n-- {
		var err error
		if n >= k.Copies {
			err = os.Remove(copyPath(path, n))
		} else {
			err = os.Rename(copyPath(path, n), copyPath(path, n+1))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
