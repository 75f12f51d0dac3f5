package placement

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// cgroups holds the roots of the node's cgroup hierarchies: one with cgroup v2, several with v1, both kinds on a hybrid system.
// They are mounted here without a path, because a container sees only its own part of them, or none.
type cgroups struct {
	hierarchies []hierarchy
	namespace   *os.File // PID 1's cgroup namespace; nil if this process is in it
}

type hierarchy struct {
	controllers string   // as in /proc/PID/cgroup; "" for v2
	root        *os.File // descriptor of the root directory
}

func (h hierarchy) unified() bool { return h.controllers == "" }

// path returns the path of a group. It goes through the descriptor, because the hierarchy is not mounted at a path.
func (h hierarchy) path(elem ...string) string {
	return filepath.Join(append([]string{fmt.Sprintf("/proc/self/fd/%d", h.root.Fd())}, elem...)...)
}

func (h hierarchy) controls(name string) bool {
	return slices.Contains(strings.Split(h.controllers, ","), name)
}

// openCgroups mounts the hierarchies as PID 1 sees them.
func openCgroups() (*cgroups, error) {
	file, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := parseHierarchies(file)
	if err != nil {
		return nil, fmt.Errorf("read /proc/self/cgroup: %w", err)
	}
	c := &cgroups{}
	if c.namespace, err = nodeCgroupNamespace(); err != nil {
		return nil, err
	}
	err = osthread.Run(func() error {
		if err := c.enterNamespace(); err != nil {
			return err
		}
		for _, name := range names {
			root, err := mountHierarchy(name)
			if err != nil {
				return fmt.Errorf("mount the cgroup hierarchy %q: %w", name, err)
			}
			c.hierarchies = append(c.hierarchies, hierarchy{name, root})
		}
		return nil
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *cgroups) close() {
	for _, h := range c.hierarchies {
		_ = h.root.Close()
	}
	if c.namespace != nil {
		_ = c.namespace.Close()
	}
}

// parseHierarchies returns the controllers of each hierarchy, "" for v2 (cgroups(7), /proc/PID/cgroup).
func parseHierarchies(r io.Reader) ([]string, error) {
	var names []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %q has no three fields", lines.Text())
		}
		names = append(names, fields[1])
	}
	return names, lines.Err()
}

// initialNamespace is the link target for the first cgroup namespace (PROC_CGROUP_INIT_INO, linux/proc_ns.h).
const initialNamespace = "cgroup:[4026531835]"

// nodeCgroupNamespace opens PID 1's cgroup namespace. It returns nil if this process is in that namespace.
func nodeCgroupNamespace() (*os.File, error) {
	own, err := os.Readlink("/proc/self/ns/cgroup")
	if err != nil {
		return nil, err
	}
	if own == initialNamespace {
		return nil, nil //nolint:nilnil // as documented
	}
	const path = "/proc/1/ns/cgroup"
	node, err := os.Readlink(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find the node's cgroup namespace: %w", err)
	case node == own:
		return nil, nil //nolint:nilnil // as documented
	}
	return os.Open(path)
}

func (c *cgroups) enterNamespace() error {
	if c.namespace == nil {
		return nil
	}
	if err := unix.Setns(int(c.namespace.Fd()), unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("enter the node's cgroup namespace: %w", err)
	}
	return nil
}

// mountHierarchy mounts a hierarchy without attaching it to a path.
func mountHierarchy(controllers string) (*os.File, error) {
	if controllers == "" {
		return mountUnified()
	}
	return mount.Detached("cgroup", func(context int) (err error) {
		for controller := range strings.SplitSeq(controllers, ",") {
			if name, named := strings.CutPrefix(controller, "name="); named {
				err = unix.FsconfigSetString(context, "name", name)
			} else {
				err = unix.FsconfigSetFlag(context, controller)
			}
			if err != nil {
				return fmt.Errorf("fsconfig %s: %w", controller, err)
			}
		}
		return nil
	})
}
