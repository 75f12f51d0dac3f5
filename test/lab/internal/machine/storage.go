package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// StoragePath is the PATH on storage machines, where the stand-ins come first.
func StoragePath(layout Layout) string {
	return layout.Path("standin") + ":/usr/sbin:/usr/bin:/sbin:/bin"
}

// WithoutCore is a prefix for the command of a gluster server: its processes then leave no core file when they crash. Their
// working directory is /, which is also the host's, and they raise the limit themselves if they have the right to (main in
// glusterfsd.c).
const WithoutCore = "/usr/bin/prlimit --core=0:0 /usr/bin/setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource"

// setUpStorage makes the initial state of a storage machine that was just switched on: devices, volumes, the bricks in its fstab,
// sshd and glusterd.
func setUpStorage(layout Layout, name string) error {
	if err := setUpDev(); err != nil {
		return err
	}
	if err := cover(layout, "/var/lib"); err != nil {
		return err
	}
	if err := makeDirs("/run/gluster", "/run/sshd", "/run/lock", "/var/lib/misc"); err != nil {
		return err
	}
	geo, err := gsyncd()
	if err != nil {
		return err
	}
	if err := setUpLVM(layout, name, layout.Path(name, "lvm")); err != nil {
		return err
	}
	for _, b := range [][2]string{
		{layout.Path(name, "glusterd"), "/var/lib/glusterd"},
		{layout.Path(name, "heketi"), "/var/lib/heketi"},
		{layout.Path("standin", "lvm"), "/usr/sbin/lvm"},
		{layout.Path("standin", "gsyncd"), geo},
	} {
		if err := bind(b[0], b[1]); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"/usr/sbin/lvm", "vgchange", "-ay"},
		{"/usr/bin/mount", "-a", "-T", "/var/lib/heketi/fstab"},
		{"/usr/sbin/sshd", "-f", layout.Path("ssh", "sshd_config"), "-E", "/var/log/glusterfs/sshd.log"},
		append(strings.Fields(WithoutCore), "/usr/sbin/glusterd", "-p", "/run/glusterd.pid", "--log-file=/var/log/glusterfs/glusterd.log", "-L", "INFO"),
	} {
		cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
		cmd.Env = append(Environ(layout), "PATH="+StoragePath(layout))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// loopNodes limits the number of bricks of one machine.
const loopNodes = 1024

// setUpDev makes a separate /dev: three machines with the same volume group names must not share /dev/mapper, and nothing may
// remain in the host's /dev. The kernel makes loop devices on demand; only their nodes are needed.
func setUpDev() error {
	if err := syscall.Mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cover /dev: %w", err)
	}
	type node struct {
		name         string
		mode         uint32
		kind         uint32
		major, minor uint32
	}
	nodes := []node{
		{"null", 0o666, unix.S_IFCHR, 1, 3}, {"zero", 0o666, unix.S_IFCHR, 1, 5}, {"full", 0o666, unix.S_IFCHR, 1, 7},
		{"random", 0o666, unix.S_IFCHR, 1, 8}, {"urandom", 0o666, unix.S_IFCHR, 1, 9}, {"tty", 0o666, unix.S_IFCHR, 5, 0},
		{"kmsg", 0o644, unix.S_IFCHR, 1, 11}, // for a kubelet
		{"fuse", 0o600, unix.S_IFCHR, 10, 229}, {"loop-control", 0o600, unix.S_IFCHR, 10, 237},
	}
	for i := range uint32(loopNodes) {
		nodes = append(nodes, node{fmt.Sprintf("loop%d", i), 0o660, unix.S_IFBLK, 7, i})
	}
	for _, n := range nodes {
		if err := unix.Mknod("/dev/"+n.name, n.kind|n.mode, int(unix.Mkdev(n.major, n.minor))); err != nil {
			return fmt.Errorf("make /dev/%s: %w", n.name, err)
		}
	}
	for name, to := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(to, "/dev/"+name); err != nil {
			return err
		}
	}
	if err := makeDirs("/dev/pts", "/dev/shm", "/dev/mapper"); err != nil {
		return err
	}
	if err := syscall.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		return fmt.Errorf("mount /dev/pts: %w", err)
	}
	return syscall.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "")
}
