package placement

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// mountUnified mounts the v2 hierarchy without attaching it to a path. In the node's cgroup namespace, each new cgroup2 mount
// sets the flags of all cgroup2 mounts (cgroup_get_tree in kernel/cgroup/cgroup.c), so this mount repeats the flags of the node's
// mounts. Without nsdelegate, a container could write its own limits; without memory_recursiveprot, protected memory of a systemd
// slice would not reach the slice's units.
func mountUnified() (*os.File, error) {
	flags, err := unifiedFlags()
	if err != nil {
		return nil, fmt.Errorf("read the flags of the node's cgroup2 mount: %w", err)
	}
	return mount.Detached("cgroup2", func(context int) error {
		for _, flag := range flags {
			// EINVAL means that the flag is not one of cgroup2, but of a security module.
			if err := unix.FsconfigSetFlag(context, flag); err != nil && !errors.Is(err, unix.EINVAL) {
				return fmt.Errorf("fsconfig %s: %w", flag, err)
			}
		}
		return nil
	})
}

// unifiedFlags returns the flags of PID 1's cgroup2 mounts, which all have the same, or nil if there is no such mount.
func unifiedFlags() ([]string, error) {
	found, err := mount.MountsOfProcess(1, func(i *mountinfo.Info) (skip, stop bool) { return i.FSType != "cgroup2", i.FSType == "cgroup2" })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return slices.DeleteFunc(strings.Split(found[0].VFSOptions, ","), func(option string) bool {
		return option == "rw" || option == "ro" || strings.Contains(option, "=")
	}), nil
}
