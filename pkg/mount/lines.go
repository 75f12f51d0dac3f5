package mount

import (
	"bufio"
	"errors"
	"io"
)

// longestLine is the length of the lines of a mount table that are read. A line of one of the driver's mounts is shorter, because
// the kernel takes no longer paths at once. Others, such as those of mounts deep in directories, may have any length.
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
