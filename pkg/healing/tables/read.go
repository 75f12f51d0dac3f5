package tables

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Read returns a process's table for one volume, which is without mounts when the namespace has none of it. The error wraps
// fs.ErrNotExist when the process has ended.
func Read(pid int, d mount.Device) (Table, error) {
	var found Table
	err := whileAlive(pid, func() error {
		var r reader
		lines, err := r.lines(pid)
		if err != nil {
			return err
		}
		all, err := parse(lines)
		if err != nil {
			return err
		}
		found, err = describe(pid)
		found.Mounts = concerning(all, d)
		return err
	})
	if err != nil {
		return Table{}, fmt.Errorf("mounts of process %d: %w", pid, err)
	}
	return found, nil
}

// whileAlive calls fn, which reads about a process. The error wraps fs.ErrNotExist when the process has ended before or meanwhile:
// what fn has read can be another process's, whose number is the same.
func whileAlive(pid int, fn func() error) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil && !mount.IsGone(err) {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	if err == nil {
		defer unix.Close(pidfd)
		if err = fn(); !mount.IsGone(err) && !mount.AwaitExit(pidfd, 0) {
			return err
		}
	}
	return fmt.Errorf("it has ended: %w", fs.ErrNotExist)
}

// describe returns a process's table without its mounts.
func describe(pid int) (Table, error) {
	process, err := mount.IdentifyProcess(pid)
	if err != nil {
		return Table{}, err
	}
	namespace, err := mount.NamespaceOf(pid)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return Table{}, err
	}
	cgroups, err := os.ReadFile(procPath(pid, "cgroup"))
	if err != nil && !errors.Is(err, fs.ErrPermission) && !mount.IsGone(err) { // a kernel may be without cgroups
		return Table{}, err
	}
	return Table{Namespace: namespace, PID: pid, Start: process.Start, Pod: podOf(string(cgroups))}, nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// reader reads tables of mounts into one buffer, since most are of no interest.
type reader struct{ buffer []byte }

// lines returns the table of a process, which is overwritten by the next call. The kernel hands out a table in pieces; one that has
// changed meanwhile is read again, but not for ever.
func (r *reader) lines(pid int) ([]byte, error) {
	const attempts = 5
	fd, err := openTable(pid)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	for attempt := 1; ; attempt++ {
		if err := r.readAll(fd); err != nil {
			return nil, err
		}
		if attempt == attempts || !tableChanged(fd) {
			return r.buffer, nil
		}
		if _, err := unix.Seek(fd, 0, 0); err != nil {
			return nil, err
		}
	}
}

// openTable opens a process's table of mounts. It is no os.File, because the Go runtime would look at the descriptor for events, and
// the kernel tells each change once.
func openTable(pid int) (fd int, err error) {
	fd, err = unix.Open(procPath(pid, "mountinfo"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the table of mounts: %w", err)
	}
	return fd, nil
}

// tableChanged reports whether a table of mounts has changed since it was opened or since the last call.
func tableChanged(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&unix.POLLPRI != 0
}

func (r *reader) readAll(fd int) error {
	r.buffer = r.buffer[:0]
	for {
		r.buffer = slices.Grow(r.buffer, os.Getpagesize()) // the kernel gives no more at a time
		n, err := unix.Read(fd, r.buffer[len(r.buffer):cap(r.buffer)])
		if err != nil {
			return fmt.Errorf("read the table of mounts: %w", err)
		}
		if n == 0 {
			return nil
		}
		r.buffer = r.buffer[:len(r.buffer)+n]
	}
}

// present returns those of the devices that a table has mounts of.
func present(lines []byte, devices []mount.Device) []mount.Device {
	numbers := make(map[string]mount.Device, len(devices))
	for _, d := range devices {
		numbers[d.String()] = d
	}
	var found []mount.Device
	for line := range bytes.Lines(lines) {
		_, rest, _ := bytes.Cut(line, []byte(" ")) // id
		_, rest, _ = bytes.Cut(rest, []byte(" "))  // parent
		number, _, _ := bytes.Cut(rest, []byte(" "))
		if d, ok := numbers[string(number)]; ok && !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	return found
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

// concerning returns the mounts of a device, and what is mounted below them.
func concerning(all []Mount, d mount.Device) []Mount {
	byID, known := make(map[int]Mount, len(all)), make(map[int]bool, len(all))
	for _, m := range all {
		byID[m.ID] = m
	}
	var concerns func(id int) bool
	concerns = func(id int) bool {
		if is, ok := known[id]; ok {
			return is
		}
		m, ok := byID[id] // the parent of the root is in no table
		known[id] = false // of a mount that is its own parent
		known[id] = ok && (m.Device == d || concerns(m.Parent))
		return known[id]
	}
	return slices.DeleteFunc(slices.Clone(all), func(m Mount) bool { return !concerns(m.ID) })
}
