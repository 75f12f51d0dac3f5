package mount

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// View is the part of a mount namespace that processes with the same root directory see. A process that has changed its root
// directory does not see the whole namespace.
type View struct {
	Namespace uint64 // inode number; 0 if it is not visible to this process
	Root      string // the processes' root, as a path from the namespace's root directory
	Processes []int  // in order
}

// Views groups the processes by their views. A process whose view cannot be determined gets a separate View, because its mounts
// can still be read.
func Views() ([]View, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	found, index := []View{}, map[seen]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		what, err := byThread(pid, see)
		switch {
		case err == nil:
			i, known := index[what]
			if !known {
				i = len(found)
				index[what] = i
				found = append(found, View{Namespace: what.namespace, Root: what.root})
			}
			found[i].Processes = append(found[i].Processes, pid)
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.ENAMETOOLONG):
			// Any process can give itself a root directory whose path is too long to be read. Such a process must not hide the
			// others.
			found = append(found, View{Processes: []int{pid}})
		case !IsGone(err):
			return nil, fmt.Errorf("mount namespace of process %d: %w", pid, err)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("list processes: /proc shows none")
	}
	for _, v := range found {
		slices.Sort(v.Processes)
	}
	slices.SortStableFunc(found, func(a, b View) int { return cmp.Compare(a.Processes[0], b.Processes[0]) })
	return found, nil
}

// seen identifies a View.
type seen struct {
	namespace uint64
	root      string
}

// see reads a view from a process's directory in /proc.
func see(dir string) (seen, error) {
	namespace, err := namespaceIn(dir)
	root, rootErr := os.Readlink(filepath.Join(dir, "root"))
	return seen{namespace, root}, errors.Join(err, rootErr)
}

// byThread reads from a process's directory in /proc, or from that of another thread: once the first thread has ended, the
// process's directory is empty, although other threads may still run.
func byThread[T any](pid int, read func(dir string) (T, error)) (T, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	found, err := read(dir)
	if !IsGone(err) {
		return found, err
	}
	threads, _ := filepath.Glob(dir + "/task/*") // empty if all have ended
	for _, thread := range threads {
		if found, err = read(thread); !IsGone(err) {
			break
		}
	}
	return found, err
}

// NamespaceOf returns the inode number of a process's mount namespace.
func NamespaceOf(pid int) (uint64, error) {
	return namespaceIn(filepath.Join("/proc", strconv.Itoa(pid)))
}

func namespaceIn(dir string) (uint64, error) {
	link, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, "mnt:["), "]"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("mount namespace %q of %s: %w", link, dir, err)
	}
	return number, nil
}
