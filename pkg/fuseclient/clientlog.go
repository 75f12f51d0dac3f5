package fuseclient

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// maxLog is the size in bytes at which a client's log is emptied.
const maxLog = 8 << 20

// mostLog is the largest size in bytes that the log can have between two rounds of upkeep: a pod can provoke thousands of lines a
// second.
const mostLog = 2 * maxLog

// limitLog limits the size of every file that a client writes; only the log grows. A write beyond the limit fails. The kernel
// then also sends SIGXFSZ, which does not end the client: this process ignores the signal (ignoreFileLimit), and its children
// inherit that.
func limitLog(pid int) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: mostLog, Max: mostLog}, nil); err != nil {
		return fmt.Errorf("limit its log: %w", err)
	}
	return nil
}

func ignoreFileLimit() { signal.Ignore(unix.SIGXFSZ) }

// nextLog returns the path of a log whose client is not started yet. A client's place is prepared with this file, because a start
// that ends early must not drop the log of the previous client.
func nextLog(path string) string { return path + ".new" }

// makeLog makes an empty log for the next client.
func makeLog(path string) error {
	err := removeFile(nextLog(path)) // left by a killed process
	var log *os.File
	if err == nil {
		log, err = os.OpenFile(nextLog(path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // below the state directory
	}
	if err != nil {
		return fmt.Errorf("make the client's log: %w", err)
	}
	return log.Close()
}

// rotateLog renames the next client's log to its final name; a mount of the file in the client's root directory follows the
// rename. rotateLog keeps the previous client's log, which may show why that client died, and drops any older log.
func rotateLog(path string) error {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // below the state directory
		return fmt.Errorf("rotate the client's log: %w", err)
	}
	if err := os.Rename(nextLog(path), path); err != nil { //nolint:gosec // below the state directory
		return fmt.Errorf("rotate the client's log: %w", err)
	}
	return nil
}

// discardLog removes the log of a client that was not started.
func (m *Manager) discardLog(r record) error {
	return removeFile(nextLog(m.logPath(r.Source.VolumeID)))
}

// boundLog truncates a log that has grown too large. The client opened the log for appending, so its next line is at the start. A
// client of an earlier version of the driver can write to all files in logs/, so path may lead anywhere: boundLog ignores
// everything but an ordinary file on the disk of logs/, and sends no request to a client. With O_NOFOLLOW in flags, it follows no
// link either.
func boundLog(path string, disk mount.Device, flags int) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
	if err == nil {
		defer unix.Close(fd)
		var at unix.Statx_t
		err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_SIZE, &at)
		isLog := at.Mode&unix.S_IFMT == unix.S_IFREG && mount.Device{Major: at.Dev_major, Minor: at.Dev_minor} == disk
		if err == nil && isLog && at.Size > maxLog {
			err = unix.Truncate(fmt.Sprintf("/proc/self/fd/%d", fd), 0)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bound the client's log %s: %w", path, err)
	}
	return nil
}

// boundLogs bounds the logs of all clients: those in logs/, and unlinked ones. A client writes to an unlinked log if it still
// serves pods after its volume was unstaged, or after the client was replaced twice.
func (m *Manager) boundLogs(running []runningClient) error {
	paths, err := m.list("logs", "")
	disk, diskErr := diskOf(filepath.Join(m.cfg.StateDir, "logs"))
	err = errors.Join(err, diskErr)
	for _, path := range paths {
		err = errors.Join(err, boundLog(path, disk, unix.O_NOFOLLOW))
	}
	for _, c := range running {
		open := c.process.procPath("fd/1")
		name, _ := os.Readlink(open) // "" if the process has ended
		if strings.HasPrefix(filepath.Base(name), c.hash+".log") {
			err = errors.Join(err, boundLog(open, disk, 0))
		}
	}
	return err
}

func diskOf(dir string) (mount.Device, error) {
	var at unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_TYPE, &at)
	return mount.Device{Major: at.Dev_major, Minor: at.Dev_minor}, err
}

func removeLogs(path string) error {
	return errors.Join(removeFile(path), removeFile(path+".1"), removeFile(nextLog(path)))
}

// tail returns the last lines of a log, at most 64 KiB of it.
func tail(path string) []string {
	const most = 64 << 10
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // below the state directory
	if err != nil {
		return nil
	}
	defer file.Close()
	_, _ = file.Seek(-most, io.SeekEnd)               // fails for a shorter file, which is then read from its start
	data, _ := io.ReadAll(io.LimitReader(file, most)) // on an error, what was read so far
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
