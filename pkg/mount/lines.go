package mount

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/moby/sys/mountinfo"
)

// longestLine is the maximum length of the lines that are read from a mount table. The lines of the driver's mounts are shorter,
// because system calls limit the length of a path. Lines of other mounts, such as mounts deep in nested directories, can have any
// length.
const longestLine = 60 << 10

// lineReader reads the lines of a mount table, except those that are too long.
type lineReader struct{ table *bufio.Reader }

func newLineReader(table io.Reader) lineReader {
	return lineReader{bufio.NewReaderSize(table, longestLine)}
}

// next returns the next line, which is valid until the next call. At the end it returns io.EOF.
func (r lineReader) next() ([]byte, error) {
	for inLong := false; ; {
		line, err := r.table.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			inLong = true
		case err == nil && inLong:
			inLong = false
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0 && !inLong:
			return line, nil
		default:
			return nil, err
		}
	}
}

// readMounts is like mountinfo.GetMountsFromReader, but leaves out lines that are too long. That function would fail because of
// them.
func readMounts(table io.Reader, filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	return mountinfo.GetMountsFromReader(&wholeLines{lines: newLineReader(table)}, filter)
}

// Mounts returns the mounts in the calling thread's namespace. Unlike mountinfo.GetMounts, it does not fail if a mount has a line
// that is too long, but leaves that mount out.
func Mounts(filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	return mountsIn("thread-self", filter)
}

// MountsOfProcess is like Mounts, for the namespace of a process. The error wraps fs.ErrNotExist if the process does not exist.
func MountsOfProcess(pid int, filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	return mountsIn(strconv.Itoa(pid), filter)
}

func mountsIn(process string, filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	table, err := os.Open(filepath.Join("/proc", process, "mountinfo")) //nolint:gosec // below /proc
	if err != nil {
		return nil, err
	}
	defer table.Close()
	found, err := readMounts(table, filter)
	if err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	return found, nil
}

// wholeLines reads the text of the lines that a lineReader returns.
type wholeLines struct {
	lines lineReader
	rest  []byte // of the last line
}

// Read implements io.Reader.
func (w *wholeLines) Read(p []byte) (n int, err error) {
	if len(w.rest) == 0 {
		if w.rest, err = w.lines.next(); err != nil {
			return 0, err
		}
	}
	n = copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}
