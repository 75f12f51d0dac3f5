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
)

// maxLog is the size in bytes at which a client's log is emptied.
const maxLog = 8 << 20

// mostLog is the size in bytes beyond which the log cannot grow between two rounds of upkeep: a pod can provoke thousands of
// lines a second.
const mostLog = 2 * maxLog

// limitLog limits the size of every file that a client writes; only the log grows. A write beyond the limit fails. The kernel
// would also end the client with SIGXFSZ if this process did not ignore that signal (ignoreFileLimit), which its children
// inherit.
func limitLog(pid int) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: mostLog, Max: mostLog}, nil); err != nil {
		return fmt.Errorf("limit its log: %w", err)
	}
	return nil
}

func ignoreFileLimit() { signal.Ignore(unix.SIGXFSZ) }

// rotateLog keeps the previous client's log, which may show why that client died, and drops any older one.
func rotateLog(path string) error {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // below the state directory
		return fmt.Errorf("rotate the client's log: %w", err)
	}
	return nil
}

// boundLog truncates a log that has grown too large. The client opened it for appending, so it continues at the start.
func boundLog(path string) error {
	info, err := os.Stat(path) //nolint:gosec // below the state directory
	if err == nil && info.Size() > maxLog {
		err = os.Truncate(path, 0)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bound the client's log: %w", err)
	}
	return nil
}

// boundLogs bounds the logs of all clients: those in logs/, and unlinked ones. A client writes to an unlinked log if it still
// serves pods after its volume was unstaged, or after the client was replaced twice.
func (m *Manager) boundLogs(running []runningClient) error {
	paths, err := m.list("logs", "")
	for _, path := range paths {
		err = errors.Join(err, boundLog(path))
	}
	for _, c := range running {
		open := c.process.procPath("fd/1")
		name, _ := os.Readlink(open) // "" if the process has ended
		if strings.HasPrefix(filepath.Base(name), c.hash+".log") {
			err = errors.Join(err, boundLog(open))
		}
	}
	return err
}

func removeLogs(path string) error {
	return errors.Join(removeFile(path), removeFile(path+".1"))
}

// tail returns the last lines of a log, at most 64 KiB of it.
func tail(path string) []string {
	const most = 64 << 10
	file, err := os.Open(path) //nolint:gosec // below the state directory
	if err != nil {
		return nil
	}
	defer file.Close()
	_, _ = file.Seek(-most, io.SeekEnd)               // fails for a shorter file, which is then read from its start
	data, _ := io.ReadAll(io.LimitReader(file, most)) // on an error, what was read so far
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
