package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// asNobody runs a program on a node as the user of a container without privileges, and returns its output.
func (r *rig) asNobody(n *node, name string, args ...string) (string, error) {
	r.Helper()
	out, err := n.Command(r.ctx(commandLimit), "setpriv", append([]string{
		"--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--no-new-privs", "--", name,
	}, args...)...).CombinedOutput()
	return string(out), err
}

// TestAttackFromAPod: what a process in a pod can do to the node through a volume or its client.
func TestAttackFromAPod(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	target := r.publish(n, v, r.stage(n, v), false)
	inside := r.inside(n, target)
	client := r.inside(n, "proc", r.onlyClient(n, nameOf(v)).PID, "root")

	r.Run("a file of the node by io-stats", func(t *testing.T) {
		r := r.on(t)
		r.ok(os.WriteFile(filepath.Join(inside, "open"), nil, 0o666), "write a file")
		r.ok(os.Chmod(filepath.Join(inside, "open"), 0o666), "make it writable for all")
		for i := range 20 {
			if out, err := r.asNobody(n, "setfattr", "-n", "user.io-stats-dump", "-v", fmt.Sprintf("ATTACK%d", i), filepath.Join(target, "open")); err != nil {
				t.Logf("%s (%v)", out, err) // a refusal is fine, too
			}
		}
		for _, dir := range []string{filepath.Join(client, "run"), filepath.Join(client, "tmp"), r.inside(n, "run"), r.inside(n, "var", "lib")} {
			if found := named(dir, "ATTACK"); len(found) > 0 {
				t.Errorf("the client has written %q", found)
			}
		}
	})
	r.Run("the client's .meta", func(t *testing.T) {
		for _, path := range []string{".meta", ".meta/logging/loglevel", ".meta/graphs/active"} {
			if _, err := os.Stat(filepath.Join(inside, path)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if err := os.WriteFile(filepath.Join(inside, ".meta/logging/loglevel"), []byte("9"), 0o600); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("root of a container sets the log level: %v", err)
		}
	})
	r.Run("a device of the node", func(t *testing.T) {
		r := r.on(t)
		_, err := r.command(n.Machine, "mknod", "-m", "666", filepath.Join(target, "zero"), "c", "1", "5")
		r.ok(err, "make a device file")
		if file, err := os.Open(filepath.Join(inside, "zero")); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the device was opened: %v", errors.Join(err, file.Close()))
		}
	})
	r.Run("a set-user-id program", func(t *testing.T) {
		r := r.on(t)
		_, err := r.command(n.Machine, "cp", "/usr/bin/id", filepath.Join(target, "id"))
		r.ok(err, "copy a program")
		r.ok(os.Chmod(filepath.Join(inside, "id"), os.ModeSetuid|0o755), "make it set-user-id")
		out, err := n.Command(r.ctx(commandLimit), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", filepath.Join(target, "id"), "-u").Output()
		if err != nil || strings.TrimSpace(string(out)) != "65534" {
			t.Errorf("it ran as user %s (%v)", out, err)
		}
	})
	r.Run("with suid", func(t *testing.T) { // as an administrator may request
		r := r.on(t)
		other := r.nodes[1]
		mine := r.publish(other, v, r.stage(other, v, "suid"), false)
		options := strings.Split(r.glusterMount(other, mine).Options, ",")
		if slices.Contains(options, "nosuid") || !slices.Contains(options, "nodev") {
			t.Errorf("the mount has the flags %q", options)
		}
	})
}

// TestAttackFromADirectory: a pod has one directory of a volume, and must not reach those of other tenants.
func TestAttackFromADirectory(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.handMade("tenants")
	r.ok(os.MkdirAll(filepath.Join(brick, "mine"), 0o755), "make a directory")
	r.ok(os.MkdirAll(filepath.Join(brick, "other"), 0o755), "make another")
	r.ok(os.WriteFile(filepath.Join(brick, "other", "secret"), []byte("of another"), 0o666), "write a file")
	whole, mine := static("whole", r.lab.Storage(2).IP, "tenants"), static("mine", r.lab.Storage(2).IP, "tenants/mine")
	r.read(n, "of another", r.publish(n, whole, r.stage(n, whole), false), "other", "secret")
	inside := r.inside(n, r.publish(n, mine, r.stage(n, mine), false))
	for _, path := range []string{"../other/secret", "other/secret", ".glusterfs", ".gfid/00000000-0000-0000-0000-000000000001/other/secret", ".meta/graphs"} {
		if _, err := os.Stat(inside + "/" + path); err == nil {
			t.Errorf("the pod sees %s", path)
		}
	}
}

// named returns the files below a directory whose names have a prefix.
func named(dir, prefix string) (found []string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), prefix) {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// TestClientIsConfined: what an attacker finds after taking over a client.
func TestClientIsConfined(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	r.publish(n, v, r.stage(n, v), false)
	proc := r.inside(n, "proc", r.onlyClient(n, nameOf(v)).PID)
	status, err := os.ReadFile(proc + "/status")
	r.ok(err, "read the client's status")
	for _, want := range []string{
		"CapInh:\t0000000000000000", "CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "CapBnd:\t0000000000000400", "CapAmb:\t0000000000000000",
		"NoNewPrivs:\t1", "Seccomp:\t2",
	} {
		if !strings.Contains(string(status), want+"\n") {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if !regexp.MustCompile(`(?m)^Gid:\t20\d{8}\t`).Match(status) {
		t.Errorf("it has no separate group:\n%s", status)
	}
	table, err := os.ReadFile(proc + "/mountinfo")
	r.ok(err, "read the client's mounts")
	var writable []string
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		ofVolume := strings.Contains(line, " - fuse.glusterfs ") // the volume that it serves
		if !ofVolume && !strings.HasPrefix(fields[5], "ro") {
			writable = append(writable, filepath.Base(fields[4]))
		}
	}
	slices.Sort(writable)
	if want := regexp.MustCompile(`^[0-9a-f]{32}\.log proc tmp$`); !want.MatchString(strings.Join(writable, " ")) {
		t.Errorf("it can write in %q, want its log, proc and tmp", writable)
	}
	for _, path := range []string{"bin/sh", "usr/bin", "root", "home", "sys", "var/lib/kubelet", n.dir} {
		if _, err := os.Stat(filepath.Join(proc, "root", path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it sees %s: %v", path, err)
		}
	}
	for _, pattern := range []string{"storage/*", "mgmt/*", "protocol/server.so", "debug/error-gen.so", "debug/delay-gen.so", "debug/sink.so", "debug/trace.so"} {
		found, err := filepath.Glob(filepath.Join(proc, "root/usr/lib/*/glusterfs/*/xlator", pattern))
		if err != nil || len(found) > 0 {
			t.Errorf("it can load %q (%v)", found, err)
		}
	}
}

// TestAttackFromAClient: with the root directory, the mount namespace and the capabilities of a client that was taken over, nothing
// can be mounted or unmounted, and no namespace made or entered. The test has no system call filter, so only the kernel refuses.
func TestAttackFromAClient(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	r.publish(n, v, r.stage(n, v), false)
	proc := r.inside(n, "proc", r.onlyClient(n, nameOf(v)).PID)
	space, err := os.Open(proc + "/ns/mnt")
	r.ok(err, "open the client's mount namespace")
	defer space.Close()
	own, err := os.Open("/proc/self/ns/mnt")
	r.ok(err, "open the test's mount namespace")
	defer own.Close()
	root, err := mount.OpenPath(proc + "/root/.") // not the link itself
	r.ok(err, "open the client's root directory")
	defer root.Close()
	r.ok(osthread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare the thread's directories: %w", err)
		}
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the client's mount namespace: %w", err)
		}
		if err := errors.Join(unix.Fchdir(int(root.Fd())), unix.Chroot(".")); err != nil {
			return fmt.Errorf("enter the client's root directory: %w", err)
		}
		if err := mounttest.LoseRight(unix.CAP_SYS_ADMIN); err != nil {
			return fmt.Errorf("lose a capability: %w", err)
		}
		tries := map[string]error{
			"mount proc": unix.Mount("proc", "/tmp", "proc", 0, ""), "mount devtmpfs": unix.Mount("none", "/tmp", "devtmpfs", 0, ""),
			"bind": unix.Mount("/proc", "/tmp", "", unix.MS_BIND, ""), "remount": unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""),
			"unmount what protects /proc/sys": unix.Unmount("/proc/sys", unix.MNT_DETACH),
			"enter the test's namespace":      unix.Setns(int(own.Fd()), unix.CLONE_NEWNS),
		}
		for name, flags := range map[string]uintptr{
			"mount": unix.CLONE_NEWNS, "cgroup": unix.CLONE_NEWCGROUP, "UTS": unix.CLONE_NEWUTS, "IPC": unix.CLONE_NEWIPC, "user": unix.CLONE_NEWUSER,
			"PID": unix.CLONE_NEWPID, "network": unix.CLONE_NEWNET, "user and mount": unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		} {
			// The client has no such program. A thread cannot unshare the user namespace, so a process is made.
			cmd := exec.CommandContext(r.call(), "/missing")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
			tries["make a "+name+" namespace"] = cmd.Start()
		}
		for name, err := range tries {
			if !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %v, want %v", name, err, unix.EPERM)
			}
		}
		return nil
	}), "act as a client")
}

// TestAttackByVolumeFile: an attacker's glusterd serves the volume file. A PersistentVolume names that glusterd, or it has
// replaced a real server.
func TestAttackByVolumeFile(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	secret := filepath.Join(n.dir, "secret")
	r.ok(os.WriteFile(secret, []byte("of the node"), 0o600), "write a file of the node")
	r.Cleanup(func() { r.ok(os.Remove(secret), "remove it") })
	for mode, says := range map[string]string{
		"open":   `server %s: the volume file is not for a client: it has a translator of type "storage/posix"`,
		"hidden": `the translator storage/posix, which a client does not have`, // the client gets another file than the driver, and cannot load the translator that this file names
	} {
		r.Run(mode, func(t *testing.T) {
			r := r.on(t)
			server := r.startHostileGlusterd(mode)
			says = strings.ReplaceAll(says, "%s", server)
			staging := r.directory(n)
			v := static("hostile-"+mode, server, "v")
			r.Cleanup(func() { r.unstage(n, v, staging) })
			_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
			r.refused(err, codes.Unavailable, says)
			r.notMounted(n, staging)
			r.noClient(n, "v")
		})
	}
}

// TestAttackByPort: the author of a PersistentVolume makes a node connect to a port of their choice.
func TestAttackByPort(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	staging := r.directory(n)
	v := static("scan", r.lab.Storage(2).IP, "v")
	r.Cleanup(func() { r.unstage(n, v, staging) })
	_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging, "volfile-server-port=22222"))
	r.refused(err, codes.InvalidArgument, "volfile-server-port=22222", "--allowed-servers")
}
