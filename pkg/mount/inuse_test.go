package mount_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// inNamespace starts a process with a private copy of this mount namespace, which lives until the test ends.
func inNamespace(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// endAsZombie kills a child, which is not reaped before the test ends.
func endAsZombie(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// TestInUse: mounts in the namespaces of other processes count, unless the client is the only process there.
func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "point")
	if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("source", path, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	dev := mount.DeviceOf(top(t, path))
	inUse := func(fsType string, client int) bool {
		t.Helper()
		used, err := mount.InUse(dev, fsType, client)
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	if !inUse("tmpfs", 0) {
		t.Error("a mount of this namespace does not count")
	}
	if inUse("tmp", 0) || inUse("ext4", 0) {
		t.Error("a mount of another type counts")
	}
	pid := inNamespace(t)
	if err := unix.Unmount(path, 0); err != nil {
		t.Fatal(err)
	}
	look := func() {
		if !inUse("tmpfs", 0) {
			t.Error("a mount that only another process has does not count")
		}
		if inUse("tmpfs", pid) {
			t.Error("a mount that only the client has counts")
		}
	}
	look()
	mounttest.WithoutRight(t, unix.CAP_SYS_PTRACE, look) // the process's namespace is not visible, but its mounts are
	endAsZombie(t, pid)
	if inUse("tmpfs", 0) {
		t.Error("a mount of a process that has ended counts")
	}
}

// shown holds a process's entries in a fake /proc.
type shown struct{ namespace, root, mounts string }

// showProcesses replaces /proc with one that shows these processes, until restore is called. An empty mount table means that the
// file is missing. A process without a view has ended.
func showProcesses(t *testing.T, processes map[string]shown) (restore func()) {
	t.Helper()
	restore = mounttest.HideProc(t)
	var err error
	for name, p := range processes {
		dir := filepath.Join("/proc", name)
		err = errors.Join(err, os.MkdirAll(filepath.Join(dir, "ns"), 0o755))
		if p != (shown{}) {
			err = errors.Join(err, os.Symlink(p.namespace, filepath.Join(dir, "ns/mnt")), os.Symlink(p.root, filepath.Join(dir, "root")))
		}
		if p.mounts != "" {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, "mountinfo"), []byte(p.mounts), 0o600))
		}
	}
	if err != nil {
		restore()
		t.Fatal(err)
	}
	return restore
}

// TestInUseByViews: each mount namespace and root directory is checked once, with the table of a process that still exists.
func TestInUseByViews(t *testing.T) {
	const (
		node   = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
		volume = node + "40 21 0:42 / /k/staging rw,relatime shared:7 - fuse.glusterfs g1:/vol rw,user_id=0\n"
		client = 7
	)
	for name, tt := range map[string]struct {
		processes map[string]shown
		want      bool
	}{
		"not mounted":                               {map[string]shown{"1": {"mnt:[1]", "/", node}}, false},
		"on the node":                               {map[string]shown{"1": {"mnt:[1]", "/", volume}}, true},
		"in the client":                             {map[string]shown{"1": {"mnt:[1]", "/", node}, "7": {"mnt:[2]", "/", volume}}, false},
		"in the client and a process beside it":     {map[string]shown{"7": {"mnt:[2]", "/", volume}, "10": {"mnt:[2]", "/", volume}}, true},
		"in a part of the client's":                 {map[string]shown{"7": {"mnt:[2]", "/", volume}, "8": {"mnt:[2]", "/k", volume}}, true},
		"in another part of the client's":           {map[string]shown{"7": {"mnt:[2]", "/", volume}, "8": {"mnt:[2]", "/x", node}}, false},
		"the first of a pod has ended":              {map[string]shown{"10": {"mnt:[3]", "/", ""}, "11": {"mnt:[3]", "/", volume}}, true},
		"all of a pod have ended":                   {map[string]shown{"10": {"mnt:[3]", "/", ""}, "11": {"mnt:[3]", "/", ""}}, false},
		"in a process whose first thread has ended": {map[string]shown{"10/task/10": {}, "10/task/11": {"mnt:[3]", "/", volume}}, true},
		"in a client whose first thread has ended":  {map[string]shown{"7/task/9": {"mnt:[2]", "/", volume}, "8": {"mnt:[3]", "/", node}}, false},
		"no process":                                {map[string]shown{"1": {"mnt:[1]", "/", node}, "self": {"mnt:[1]", "/other", volume}}, false},
		"at a path like the number":                 {map[string]shown{"1": {"mnt:[1]", "/", "40 21 0:43 / 0:42 rw - fuse.glusterfs 0:42 rw\n"}}, false},
		"another type":                              {map[string]shown{"1": {"mnt:[1]", "/", "40 21 0:42 / /x rw - fuse.glusterfsx s rw\n"}}, false},
		"a damaged table":                           {map[string]shown{"1": {"mnt:[1]", "/", "\n40\n40 21 0:42 - fuse.glusterfs\n"}}, false},
	} {
		restore := showProcesses(t, tt.processes)
		used, err := mount.InUse(mount.Device{Minor: 42}, "fuse.glusterfs", client)
		restore()
		if used != tt.want || err != nil {
			t.Errorf("mounted %s: %t, %v", name, used, err)
		}
	}
}

// TestInUseOfLongTables: any user can make mount namespaces with very long tables and lines. They do not hide mounts from before, and
// are not read to their end; the node's table is.
func TestInUseOfLongTables(t *testing.T) {
	const (
		node   = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
		volume = "40 21 0:42 / /k/staging rw,relatime shared:7 - fuse.glusterfs g1:/vol rw,user_id=0\n"
		deep   = "50 21 0:50 / /"
	)
	line := deep + strings.Repeat("x", 1<<20) + " rw - tmpfs s rw\n"
	for name, tt := range map[string]struct {
		pid, table string
		want       bool
	}{
		"before the limit":         {"10", node + volume + strings.Repeat(line, 9), true},
		"behind a long line":       {"10", node + line + volume, true},
		"beyond the limit":         {"10", node + strings.Repeat(line, 9) + volume, false},
		"on the node":              {"1", node + strings.Repeat(line, 9) + volume, true},
		"in the rest of a line":    {"10", node + deep + strings.Repeat("x", 60<<10-len(deep)) + volume, false},
		"at the end of a cut line": {"10", node + deep + strings.Repeat("x", 1<<20), false},
		"in a line without an end": {"10", node + strings.TrimSuffix(volume, "\n"), true},
	} {
		restore := showProcesses(t, map[string]shown{tt.pid: {"mnt:[1]", "/", tt.table}})
		used, err := mount.InUse(mount.Device{Minor: 42}, "fuse.glusterfs", 7)
		restore()
		if used != tt.want || err != nil {
			t.Errorf("mounted %s: %t, %v", name, used, err)
		}
	}
}

// TestInUseInDoubt: if processes are not visible, InUse returns an error.
func TestInUseInDoubt(t *testing.T) {
	for says, prepare := range map[string]func() error{
		"/proc shows none": func() error { return nil },
		"mount namespace of process 7": func() error {
			return errors.Join(os.Mkdir("/proc/7", 0o755), os.WriteFile("/proc/7/ns", nil, 0o600), os.Symlink("/", "/proc/7/root"))
		},
		"mounts of process 7": func() error {
			return errors.Join(os.MkdirAll("/proc/7/ns", 0o755), os.Symlink("mnt:[1]", "/proc/7/ns/mnt"), os.Symlink("/", "/proc/7/root"),
				os.Mkdir("/proc/7/mountinfo", 0o755))
		},
	} {
		restore := mounttest.HideProc(t)
		prepareErr := prepare()
		used, err := mount.InUse(mount.Device{Minor: 1}, "tmpfs", 1)
		restore()
		if prepareErr != nil {
			t.Fatal(prepareErr)
		}
		if used || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%t, %v; want an error with %q", used, err, says)
		}
	}
	restore := mounttest.LimitDescriptors(t, 0)
	used, err := mount.InUse(mount.Device{Minor: 1}, "tmpfs", 1)
	restore()
	if used || !errors.Is(err, unix.EMFILE) {
		t.Errorf("without a descriptor: %t, %v", used, err)
	}
}

// TestInUseWhileAProcessEnds: a process becomes a zombie between two reads; its table cannot be opened.
func TestInUseWhileAProcessEnds(t *testing.T) {
	proc, pid := t.TempDir(), inNamespace(t)
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(proc, unix.MNT_DETACH) })
	endAsZombie(t, pid)
	number := strconv.Itoa(pid)
	processes := map[string]shown{number: {"mnt:[1]", "/", ""}}
	for name, more := range map[string]map[string]shown{
		"alone":              nil,
		"one more is there":  {"9999999": {"mnt:[1]", "/", "40 21 0:42 / /x rw - tmpfs s rw\n"}},
		"in another's place": {"1": {"mnt:[2]", "/", "40 21 0:42 / /x rw - tmpfs s rw\n"}},
	} {
		all := maps.Clone(processes)
		maps.Copy(all, more)
		restore := showProcesses(t, all)
		linkErr := os.Symlink(filepath.Join(proc, number, "mountinfo"), filepath.Join("/proc", number, "mountinfo"))
		used, err := mount.InUse(mount.Device{Minor: 42}, "tmpfs", 0)
		restore()
		if used != (more != nil) || err != nil || linkErr != nil {
			t.Errorf("%s: %t, %v, %v", name, used, err, linkErr)
		}
	}
}
