package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Environ returns the environment of all processes of a lab. LabVariable distinguishes them from other processes.
func Environ(layout Layout) []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/run", "LANG=C.UTF-8",
		LabVariable + "=" + layout.Dir,
	}
}

// LabVariable names the lab directory in the environment of each process that belongs to a lab.
const LabVariable = "GLUSTERFS_CSI_LAB"

// setUpCommon gives the machine its own /proc, /run, /etc/hosts and gluster logs, over the host's file system.
func setUpCommon(layout Layout, name string) error {
	// A slave mount follows when the host unmounts something, but mounts made here do not propagate to the host.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("separate mounts from the host's: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := ip("link set lo up"); err != nil {
		return err
	}
	if err := cover(layout, "/run"); err != nil {
		return err
	}
	if err := bind(layout.Path("hosts"), "/etc/hosts"); err != nil {
		return err
	}
	return bind(layout.LogDir(name), "/var/log/glusterfs")
}

// cover puts an empty tmpfs over dir. The lab directory stays visible, even if it lies below dir.
func cover(layout Layout, dir string) error {
	lab, err := os.Open(layout.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = lab.Close() }()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cover %s: %w", dir, err)
	}
	if !strings.HasPrefix(layout.Dir, dir+"/") {
		return nil
	}
	return bind(fmt.Sprintf("/proc/self/fd/%d", lab.Fd()), layout.Dir)
}

// bind mounts a directory or file over another. If to does not exist, it is created as a directory.
func bind(from, to string) error {
	if _, err := os.Stat(to); os.IsNotExist(err) {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s over %s: %w", from, to, err)
	}
	return nil
}

func makeDirs(paths ...string) error {
	for _, path := range paths {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// gsyncd finds the geo-replication program of the installed GlusterFS. Its path depends on the architecture.
func gsyncd() (string, error) {
	found, err := filepath.Glob("/usr/lib*/*/glusterfs/gsyncd")
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("gsyncd of glusterfs-server not found at /usr/lib/*/glusterfs/gsyncd (got %q)", found)
	}
	return found[0], nil
}
