package placement

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// create makes a group in each hierarchy. The group may exist already.
func (c *cgroups) create(name string, memoryLimit int64) error {
	for _, h := range c.hierarchies {
		if err := h.tryCreate(name, memoryLimit); err != nil {
			return fmt.Errorf("create the cgroup %s of hierarchy %q: %w", name, h.controllers, err)
		}
	}
	return nil
}

// tryCreate retries create, because a concurrent remove of another group also removes the parent if the parent is then empty.
func (h hierarchy) tryCreate(name string, memoryLimit int64) (err error) {
	const attempts = 10
	for range attempts {
		if err = h.create(name, memoryLimit); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	return err
}

func (h hierarchy) create(name string, memoryLimit int64) error {
	parent := filepath.Dir(name)
	for _, group := range []string{parent, name} {
		if err := os.Mkdir(h.path(group), 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// A v1 cpuset group has no processors and no memory nodes until some are assigned.
		if h.controls("cpuset") {
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := copyValue(h.path(filepath.Dir(group), file), h.path(group, file)); err != nil {
					return err
				}
			}
		}
	}
	switch {
	case h.unified():
		return h.limitMemory(parent, name, memoryLimit)
	case h.controls("memory") && memoryLimit > 0:
		limit := strconv.FormatInt(memoryLimit, 10)
		return errors.Join(writeValue(h.path(name, "memory.limit_in_bytes"), limit), writeIfThere(h.path(name, "memory.memsw.limit_in_bytes"), limit))
	}
	return nil
}

// countsMemory reports whether the hierarchy has the memory controller. If v1 has the controller, v2 lacks it.
func (h hierarchy) countsMemory() (bool, error) {
	if !h.unified() {
		return h.controls("memory"), nil
	}
	available, err := os.ReadFile(h.path("cgroup.controllers"))
	return slices.Contains(strings.Fields(string(available)), "memory"), err
}

// limitMemory enables the memory controller in the groups above, and sets the group's limit. It does nothing if the hierarchy has
// no memory controller.
func (h hierarchy) limitMemory(parent, name string, limit int64) error {
	if counts, err := h.countsMemory(); !counts {
		return err
	}
	for _, group := range []string{"", parent} {
		if err := writeValue(h.path(group, "cgroup.subtree_control"), "+memory"); err != nil {
			return err
		}
	}
	if limit <= 0 {
		return nil
	}
	return errors.Join(writeValue(h.path(name, "memory.max"), strconv.FormatInt(limit, 10)),
		writeIfThere(h.path(name, "memory.swap.max"), "0"), writeValue(h.path(name, "memory.oom.group"), "1"))
}

// enter moves the calling thread into the group's v1 hierarchies, and returns the group's directory in v2. In v2, a thread cannot
// move to the group without the rest of its process, but a new process can be created in the group (clone3, CLONE_INTO_CGROUP).
// The caller closes the directory, also after an error.
func (c *cgroups) enter(name string) (group *os.File, err error) {
	if err := c.enterNamespace(); err != nil {
		return nil, err
	}
	for _, h := range c.hierarchies {
		if h.unified() {
			if group, err = os.Open(h.path(name)); err != nil {
				return nil, err
			}
			continue
		}
		if err := writeValue(h.path(name, "tasks"), "0"); err != nil { // 0 stands for the writing thread
			return group, fmt.Errorf("move into the cgroup %s of hierarchy %q: %w", name, h.controllers, err)
		}
	}
	return group, nil
}

// memory returns the bytes that are charged to a group.
func (c *cgroups) memory(name string) (int64, error) {
	for _, h := range c.hierarchies {
		file := "memory.usage_in_bytes"
		if h.unified() {
			file = "memory.current"
		} else if !h.controls("memory") {
			continue
		}
		data, err := os.ReadFile(h.path(name, file))
		if h.unified() && errors.Is(err, fs.ErrNotExist) {
			continue // v1 has the controller
		}
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	}
	return 0, errors.New("no cgroup hierarchy counts memory")
}

// remove removes a group without processes, and the parent if it has no other group. A group that does not exist counts as
// success. remove retries, because a process that has ended stays in its group for a moment. So does the ended thread that
// started the process.
func (c *cgroups) remove(name string) error {
	const attempts = 50
	for range attempts {
		if err := c.tryRemove(name); !errors.Is(err, unix.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return c.tryRemove(name)
}

func (c *cgroups) tryRemove(name string) error {
	var failed []error
	for _, h := range c.hierarchies {
		if err := unix.Rmdir(h.path(name)); err != nil && !errors.Is(err, unix.ENOENT) {
			failed = append(failed, fmt.Errorf("remove the cgroup %s of hierarchy %q: %w", name, h.controllers, err))
		}
		_ = unix.Rmdir(h.path(filepath.Dir(name))) // fails as long as another group is in it
	}
	return errors.Join(failed...)
}

// names returns the names of the groups in parent.
func (c *cgroups) names(parent string) ([]string, error) {
	names := map[string]bool{}
	var failed []error
	for _, h := range c.hierarchies {
		entries, err := os.ReadDir(h.path(parent))
		if !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				names[entry.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), errors.Join(failed...)
}

// sweep removes the groups in parent that have no process, and does not wait for the others.
func (c *cgroups) sweep(parent string) error {
	names, err := c.names(parent)
	failed := []error{err}
	for _, name := range names {
		if err := c.tryRemove(filepath.Join(parent, name)); !errors.Is(err, unix.EBUSY) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// removeAll removes the groups in parent whose names have the prefix, and waits a moment for their processes to end.
func (c *cgroups) removeAll(parent, prefix string) error {
	names, err := c.names(parent)
	failed := []error{err}
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			failed = append(failed, c.remove(filepath.Join(parent, name)))
		}
	}
	return errors.Join(failed...)
}

func copyValue(from, to string) error {
	data, err := os.ReadFile(from) //nolint:gosec // the path is a cgroup's
	if err != nil {
		return err
	}
	return writeValue(to, strings.TrimSpace(string(data)))
}

func writeValue(path, value string) error {
	return os.WriteFile(path, []byte(value), 0) //nolint:gosec // the path is a cgroup's, and the file exists
}

// writeIfThere writes a value if its file exists. On a kernel without swap, files are missing.
func writeIfThere(path, value string) error {
	if err := writeValue(path, value); !errors.Is(err, fs.ErrPermission) { // the file is missing, and none can be created in a cgroup
		return err
	}
	return nil
}
