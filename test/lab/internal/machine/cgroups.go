package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cgroupMount = "/sys/fs/cgroup"

// hierarchies returns where control groups are mounted: the mount of version 2, or a mount of version 1 for each controller.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers")); err == nil {
		return []string{cgroupMount}, nil
	}
	return filepath.Glob(cgroupMount + "/*")
}

// makeCgroups makes the machine's group in each hierarchy. The kubelet makes the groups of pods below it.
func makeCgroups(layout Layout, name string) error {
	mounts, err := hierarchies()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		group := mount
		for elem := range strings.SplitSeq(strings.Trim(layout.Cgroup(name), "/"), "/") {
			if err := handDown(group); err != nil {
				return err
			}
			group = filepath.Join(group, elem)
			if err := os.Mkdir(group, 0o755); err != nil && !os.IsExist(err) {
				return err
			}
			if err := inheritCpuset(group); err != nil {
				return err
			}
		}
	}
	return nil
}

// handDown allows the children of a version 2 group to use the group's controllers.
func handDown(group string) error {
	controllers, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if os.IsNotExist(err) {
		return nil // version 1
	}
	if err != nil {
		return err
	}
	var enable strings.Builder
	for controller := range strings.FieldsSeq(string(controllers)) {
		enable.WriteString("+" + controller + " ")
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte(enable.String()), 0); err != nil {
		return fmt.Errorf("hand controllers down from %s: %w", group, err)
	}
	return nil
}

// inheritCpuset fills in the empty settings of a new version 1 group; processes can enter the group only after that.
func inheritCpuset(group string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(filepath.Dir(group), file))
		if os.IsNotExist(err) {
			continue // another controller, or version 2
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(group, file), value, 0); err != nil {
			return fmt.Errorf("%s of %s: %w", file, group, err)
		}
	}
	return nil
}

// Cgroups lists the named machine's control groups in all hierarchies, or those of the whole lab if name is empty, parents first.
func Cgroups(layout Layout, name string) []string {
	mounts, _ := hierarchies() // the only possible error is a malformed pattern
	var groups []string
	for _, mount := range mounts {
		groups = append(groups, below(mount+layout.Cgroup(name))...)
		if name == "" {
			groups = append(groups, below(filepath.Join(mount, layout.ClientCgroup()))...)
		}
	}
	return groups
}

func below(root string) (groups []string) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() { // on an error, it is gone by now
			groups = append(groups, path)
		}
		return nil
	})
	return groups
}

// removeEmpty removes the groups of GlusterFS clients that node plugins in containers have started. The driver gives all these
// groups one parent, named glusterfs-csi. Groups with processes stay, because they may belong to another lab.
func removeEmpty() {
	const clients = "glusterfs-csi"
	mounts, _ := hierarchies() // as above
	for _, mount := range mounts {
		for _, group := range slices.Backward(below(filepath.Join(mount, clients))) {
			_ = unix.Rmdir(group)
		}
	}
}

// RemoveCgroups removes the groups. A group is busy for a moment after its last process has ended, so the call waits.
func RemoveCgroups(layout Layout, name string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		groups := Cgroups(layout, name)
		if len(groups) == 0 {
			removeEmpty()
			return nil
		}
		slices.Reverse(groups) // children first
		var last error
		for _, group := range groups {
			if err := unix.Rmdir(group); err != nil && !errors.Is(err, unix.ENOENT) {
				last = fmt.Errorf("remove control group %s: %w", group, err)
			}
		}
		if time.Now().After(end) {
			return last
		}
	}
}
