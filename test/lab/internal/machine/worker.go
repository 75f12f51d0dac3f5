package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

func isWorker(layout Layout, name string) bool {
	_, err := os.Stat(layout.WorkerDir(name))
	return err == nil
}

// setUpWorker gives a machine what a kubelet and a containerd expect of their host: separate directories at the usual paths,
// mounts that can be shared with pods, and control groups. more maps further directories to their paths.
func setUpWorker(layout Layout, name string, more ...[2]string) error {
	for _, dir := range []string{"/var/lib", "/var/log"} {
		if err := cover(layout, dir); err != nil {
			return err
		}
	}
	disk := layout.WorkerDir(name)
	binds := append([][2]string{
		{filepath.Join(disk, "kubelet"), "/var/lib/kubelet"},
		{filepath.Join(disk, "containerd"), "/var/lib/containerd"},
		{layout.LogDir(name), "/var/log/glusterfs"}, // mounted again, because /var/log is new
	}, more...)
	for _, b := range binds {
		if err := makeDirs(b[0]); err != nil {
			return err
		}
		if err := bind(b[0], b[1]); err != nil {
			return err
		}
	}
	if err := keepTunables(); err != nil {
		return err
	}
	// Otherwise no mount of a pod would be visible to another (mountPropagation: Bidirectional). The mounts still do not reach
	// the host.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts with pods: %w", err)
	}
	if err := forward(); err != nil {
		return err
	}
	return makeCgroups(layout, name)
}

// keepTunables mounts files over the settings of the whole kernel that a kubelet writes at its start, because the lab must not
// change the host. The settings under net need no file: they belong to the machine.
func keepTunables() error {
	if err := makeDirs("/run/tunables"); err != nil {
		return err
	}
	for _, name := range []string{
		"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
		"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	} {
		setting := filepath.Join("/proc/sys", name)
		value, err := os.ReadFile(setting)
		if err != nil {
			return err
		}
		stand := filepath.Join("/run/tunables", filepath.Base(name))
		if err := os.WriteFile(stand, value, 0o644); err != nil {
			return err
		}
		if err := bind(stand, setting); err != nil {
			return err
		}
	}
	return nil
}
