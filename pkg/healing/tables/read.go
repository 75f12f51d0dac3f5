package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Read returns a process's table for one volume. The table is empty if the namespace has no mount of the volume. The error wraps
// fs.ErrNotExist if the process has ended.
func Read(pid int, d mount.Device) (Table, error) {
	var r reader
	found, err := r.read(pid, []mount.Device{d})
	if err != nil {
		return Table{}, fmt.Errorf("mounts of process %d: %w", pid, err)
	}
	if t, there := found[d]; there {
		return t, nil
	}
	var empty Table
	err = whileAlive(pid, func() error {
		empty, err = describe(pid)
		return err
	})
	if err != nil {
		return Table{}, fmt.Errorf("mounts of process %d: %w", pid, err)
	}
	return empty, nil
}

// read returns a process's table for each device of which the table has mounts. The error wraps fs.ErrNotExist if the process has
// ended. The kernel returns a table in pieces; a table that changes meanwhile is read again, a limited number of times.
func (r *reader) read(pid int, devices []mount.Device) (found map[mount.Device]Table, err error) {
	r.most = mostBytesOf(pid)
	err = whileAlive(pid, func() error {
		table, err := openTable(pid)
		if err != nil {
			return err
		}
		defer unix.Close(table)
		numbers := numbered(devices)
		for attempt := 1; ; attempt++ {
			o, err := r.outlineOf(file(table), numbers)
			if err != nil || !slices.Contains(o.present, true) {
				return err
			}
			head, err := describe(pid)
			if err != nil {
				return err
			}
			if found, err = r.fill(table, head, &o, devices); err != nil || attempt == attempts || !tableChanged(table) {
				return err
			}
		}
	})
	return found, err
}

// fill reads the mounts of devices that an outline lists.
func (r *reader) fill(table int, head Table, o *outline, devices []mount.Device) (map[mount.Device]Table, error) {
	choices := map[mount.Device]choice{}
	mounts, bytes := head.limits()
	for i, d := range devices {
		if o.present[i] {
			choices[d] = o.choose(int32(i), mounts, bytes)
		}
	}
	all, err := r.mountsOf(file(table), choices)
	found := make(map[mount.Device]Table, len(choices))
	for d, c := range choices {
		t := head
		t.Mounts, t.LeftOut = all[d], c.leftOut
		found[d] = t
	}
	return found, err
}

// whileAlive calls fn, which reads files about a process. If the process has ended before fn returns, the error wraps fs.ErrNotExist,
// because the files may be of another process with the same number.
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
	if err != nil && !errors.Is(err, fs.ErrPermission) && !mount.IsGone(err) { // a kernel may have no cgroups
		return Table{}, err
	}
	return Table{Namespace: namespace, PID: pid, Start: process.Start, Pod: podOf(string(cgroups))}, nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
