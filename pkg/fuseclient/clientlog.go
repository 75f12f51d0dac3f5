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

// mostLog is the size in bytes that the log cannot grow beyond between two looks at it: a pod may provoke thousands of lines a second.
const mostLog = 2 * maxLog

// limitLog bounds every file that a client writes, of which the log is the only one that grows. Beyond it, a write fails. The kernel
// would end the client with SIGXFSZ, if it had not been started by a process that ignores it (ignoreFileLimit).
func limitLog(pid int) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: mostLog, Max: mostLog}, nil); err != nil {
		return fmt.Errorf("limit its log: %w", err)
	}
	return nil
}

func ignoreFileLimit() { signal.Ignore(unix.SIGXFSZ) }

// rotateLog keeps the log of the client before, which may say why it died, and no older one.
func rotateLog(path string) error {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // below the state directory
		return fmt.Errorf("rotate the client's log: %w", err)
	}
	return nil
}

// boundLog empties a log that has grown too large. The client appends, so it carries on at the start.
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

// boundLogs bounds the logs of all clients: those in logs/, and those that a client still writes although their names are gone,
// because it serves pods beyond the unstage of its volume or beyond the client after the next.
func (m *Manager) boundLogs(running []runningClient) error {
	paths, err := m.list("logs", "")
	for _, path := range paths {
		err = errors.Join(err, boundLog(path))
	}
	for _, c := range running {
		open := c.process.procPath("fd/1")
		name, _ := os.Readlink(open) // "" when it has ended
		if strings.HasPrefix(filepath.Base(name), c.hash+".log") {
			err = errors.Join(err, boundLog(open))
		}
	}
	return err
}

func removeLogs(path string) error {
	return errors.Join(removeFile(path), removeFile(path+".1"))
}

// tail returns the last lines of a log, at most 64 KiB.
func tail(path string) []string {
	const most = 64 << 10
	file, err := os.Open(path) //nolint:gosec // below the state directory
	if err != nil {
		return nil
	}
	defer file.Close()
	_, _ = file.Seek(-most, io.SeekEnd)               // fails in a shorter file, which is read from its start
	data, _ := io.ReadAll(io.LimitReader(file, most)) // what can be read is what there is to tell
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
