package fuseclient

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLog is the size in bytes at which a client's log is emptied.
const maxLog = 8 << 20

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
