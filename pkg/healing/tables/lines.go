package tables

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

const (
	longestLine = 64 << 10 // bytes; only an overlay of hundreds of directories has more
	mostLines   = 100_000  // per table; the kernel's default limit, fs.mount-max
	mostBytes   = 8 << 20  // per table
	attempts    = 5        // to read a table that changes meanwhile
)

// file is an open mount table. It is not an os.File, because the Go runtime would poll the descriptor for events, and the kernel
// reports each change only once.
type file int

// Read implements io.Reader.
func (f file) Read(p []byte) (int, error) {
	n, err := unix.Read(int(f), p)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

// Seek implements io.Seeker.
func (f file) Seek(offset int64, whence int) (int64, error) { return unix.Seek(int(f), offset, whence) }

func openTable(pid int) (fd int, err error) {
	fd, err = unix.Open(procPath(pid, "mountinfo"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the table of mounts: %w", err)
	}
	return fd, nil
}

// tableChanged reports whether a mount table has changed since it was opened or since the last call.
func tableChanged(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&unix.POLLPRI != 0
}

// reader reads mount tables piece by piece, because any process can make its own table very long, and most lines are not needed.
type reader struct {
	buffer []byte
	most   int  // bytes to read of a table; 0: mostBytes
	cutOff bool // the last table has more bytes
}

// each calls fn for each line of a table until fn returns false. It cuts off lines and tables that are too long.
func (r *reader) each(table io.ReadSeeker, fn func(line []byte) (more bool)) error {
	if _, err := table.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the table of mounts: %w", err)
	}
	r.buffer, r.cutOff = r.buffer[:0], false
	for inLong, left := false, cmp.Or(r.most, mostBytes); ; {
		if r.cutOff = left <= 0; r.cutOff {
			return nil
		}
		r.buffer = slices.Grow(r.buffer, os.Getpagesize()) // the kernel returns at most this much at a time
		n, err := table.Read(r.buffer[len(r.buffer):cap(r.buffer)])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the table of mounts: %w", err)
		}
		left -= n
		rest := r.buffer[:len(r.buffer)+n]
		for line, after, ended := bytes.Cut(rest, []byte("\n")); ended; line, after, ended = bytes.Cut(rest, []byte("\n")) {
			if !inLong && !fn(line[:min(len(line), longestLine+1)]) {
				return nil
			}
			rest, inLong = after, false
		}
		if len(rest) > longestLine {
			if !inLong && !fn(rest[:longestLine+1]) {
				return nil
			}
			rest, inLong = nil, true
		}
		r.buffer = r.buffer[:copy(r.buffer[:cap(r.buffer)], rest)]
	}
}

// isWhole reports whether a line from reader.each is complete.
func isWhole(line []byte) bool { return len(line) <= longestLine }

// head parses the beginning of a line.
func head(line []byte) (id, parent int32, device []byte, ok bool) {
	first, rest, _ := bytes.Cut(line, []byte(" "))
	second, rest, _ := bytes.Cut(rest, []byte(" "))
	device, _, ok = bytes.Cut(rest, []byte(" "))
	number := func(text []byte) int32 {
		n, err := strconv.ParseInt(string(text), 10, 32)
		ok = ok && err == nil
		return int32(n)
	}
	return number(first), number(second), device, ok
}

func parse(lines []byte) ([]Mount, error) {
	infos, err := mountinfo.GetMountsFromReader(bytes.NewReader(lines), nil)
	if err != nil {
		return nil, err
	}
	mounts := make([]Mount, len(infos))
	for i, info := range infos {
		mounts[i] = newMount(info)
	}
	return mounts, nil
}

// typeOf returns the type of a line's file system, or "" if the line is cut off before it.
func typeOf(line []byte) []byte {
	_, rest, _ := bytes.Cut(line, []byte(" - ")) // spaces in paths are written as \040
	fsType, _, _ := bytes.Cut(rest, []byte(" "))
	return fsType
}

// Select returns the mounts of a process's table for which wants returns true. Lines of more than 64 KiB are left out.
func Select(pid int, wants func(id int, device, fsType string) bool) ([]Mount, error) {
	fd, err := openTable(pid)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	r := reader{most: mostBytesOf(pid)}
	var wanted []byte
	err = r.each(file(fd), func(line []byte) bool {
		if id, _, device, ok := head(line); ok && isWhole(line) && wants(int(id), string(device), string(typeOf(line))) {
			wanted = append(append(wanted, line...), '\n')
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return parse(wanted)
}

// numbered maps the devices' names in mountinfo to their positions.
func numbered(devices []mount.Device) map[string]int {
	numbers := make(map[string]int, len(devices))
	for i, d := range devices {
		numbers[d.String()] = i
	}
	return numbers
}
