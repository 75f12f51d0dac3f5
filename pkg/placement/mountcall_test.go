package placement

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

const mounterVariable = "PLACEMENT_TEST_MOUNTER"

// mounter acts as a client that mounts a tmpfs.
func mounter(at string) int {
	if err := unix.Mount("client", at, "tmpfs", 0, ""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestMountThatFails: a client's mount that fails returns the reason, and is the only one. The node plugin gets the step that failed.
func TestMountThatFails(t *testing.T) {
	confinement, dir := newConfinement(t), t.TempDir()
	fuse := [2]*os.File{}
	for i := range fuse {
		var err error
		if fuse[i], err = os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
			t.Fatal(err)
		}
		defer fuse[i].Close()
	}
	const others = ",rootmode=40000,user_id=0,group_id=0"
	for options, want := range map[string]struct {
		err  error
		step string
	}{
		"":                                    {unix.EIO, "argument 5 of mount(2)"},
		strings.Repeat("x", os.Getpagesize()): {unix.EINVAL, "argument 5 of mount(2)"},
		"rootmode=40000":                      {unix.EINVAL, "name 0 file descriptors"},
		"notfd=0":                             {unix.EINVAL, "name 0 file descriptors"},
		"fd=1000000":                          {unix.EBADF, "get the client's file descriptor 1000000"},
		"fd=99999999999999999999":             {unix.EINVAL, "the file descriptor in the options"},
		fmt.Sprintf("fd=0x%x", fuse[0].Fd()):  {unix.EINVAL, "the file descriptor in the options"},
		"fd=0" + others:                       {unix.EINVAL, "mount at " + dir}, // another file than /dev/fuse
		// The second number would be one of this process, not of the client.
		fmt.Sprintf("fd=%d,fd=%d", fuse[0].Fd(), fuse[1].Fd()) + others:  {unix.EINVAL, "name 2 file descriptors"},
		fmt.Sprintf("fd=%d,fd=+%d", fuse[0].Fd(), fuse[1].Fd()) + others: {unix.EINVAL, "name 2 file descriptors"},
	} {
		if err := osthread.Run(func() error {
			gate, err := confinement.apply(Client{Mount: dir})
			if err != nil {
				return err
			}
			made := make(chan error, 1)
			go func() { made <- gate.mountOnce() }()
			for _, want := range []error{want.err, unix.ENOSYS} {
				if err := unix.Mount("client", dir, mount.FSType, 0, options); !errors.Is(err, want) {
					t.Errorf("%q: %v, want %v", options, err, want)
				}
			}
			if reason := <-gate.failed; !strings.Contains(reason.Error(), want.step) {
				t.Errorf("%q: %v, want %q in it", options, reason, want.step)
			}
			return <-made
		}); err != nil {
			t.Errorf("%q: %v", options, err)
		}
	}
	if top, err := mount.Top(dir); top != nil || err != nil {
		t.Errorf("mounted: %+v, %v", top, err)
	}
}

// TestMountError: when a client has ended because it did not get its mount, the reason is known.
func TestMountError(t *testing.T) {
	dir := t.TempDir()
	place, err := newConfinement(t).Prepare(Client{Mount: dir, Group: firstGroup})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), mounterVariable+"="+dir)
	err = place.Start(cmd)
	place.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it has mounted something without /dev/fuse")
	}
	for _, want := range []error{unix.EIO, nil} {
		if continued, err := place.MountError(); continued || !errors.Is(err, want) {
			t.Errorf("%v, want %v; it made the mount itself: %t", err, want, continued)
		}
	}
}

// TestKernelWithoutCrossMemoryAttach: Flatcar Container Linux has such a kernel, on which process_vm_readv fails.
func TestKernelWithoutCrossMemoryAttach(t *testing.T) {
	dir, confinement := t.TempDir(), newConfinement(t)
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fuse.Close()
	without := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PROCESS_VM_READV, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := osthread.Run(func() error {
		gate, err := confinement.apply(Client{Mount: dir})
		if err != nil {
			return err
		}
		made := make(chan error, 1)
		go func() {
			made <- osthread.Run(func() error {
				_, err := loadFilter(without, 0)
				return errors.Join(err, gate.mountOnce())
			})
		}()
		options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse.Fd())
		return errors.Join(unix.Mount("client", dir, mount.FSType, 0, options), <-made)
	}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}

// TestHiddenFromTheStart: a driver that cannot read the calls of clients finds that out before the first client starts.
func TestHiddenFromTheStart(t *testing.T) {
	confinement, n := newConfinement(t), openNode(t, stateDir(t))
	inPod := func() error { return confinement.Hidden(exec.CommandContext(t.Context(), n.tree.binary, "--version")) }
	if onNode, inPod := n.Hidden(), inPod(); onNode != nil || inPod != nil {
		t.Errorf("with the right: %v on the node, %v in the container", onNode, inPod)
	}
	mounttest.WithoutRight(t, unix.CAP_SYS_PTRACE, func() {
		if err := n.try(t.Context()); err != nil {
			t.Error(err)
		}
		if onNode, inPod := n.Hidden(), inPod(); !errors.Is(onNode, errHidden) || !errors.Is(inPod, errHidden) {
			t.Errorf("without the right: %v on the node, %v in the container", onNode, inPod)
		}
		if !confinement.hidden.Load() || !n.confine.hidden.Load() {
			t.Error("the first client would lack the capability to mount")
		}
		ended := exec.CommandContext(t.Context(), "true")
		ended.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: firstGroup, NoSetGroups: true}}
		if err := errors.Join(ended.Start(), unix.Waitid(unix.P_PID, ended.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)); err != nil {
			t.Error(err)
		}
		if err := checkAccess(ended.Process.Pid); !errors.Is(err, errHidden) {
			t.Errorf("a process that has ended: %v", err)
		}
		_ = ended.Wait()
	})
	if err := confinement.Hidden(exec.CommandContext(t.Context(), "/missing")); err != nil {
		t.Errorf("without the client: %v", err)
	}
}

// TestHiddenClient: a client whose memory a security module hides from the driver mounts by itself, for which it needs a
// capability. If the driver does not know the security module, the first client fails, and the later ones mount.
func TestHiddenClient(t *testing.T) {
	dir, confinement := t.TempDir(), newConfinement(t)
	start := func() error {
		place, err := confinement.Prepare(Client{Mount: dir, Group: firstGroup})
		if err != nil {
			t.Fatal(err)
		}
		defer place.Close()
		gate := place.gate
		place.gate, place.failed = nil, gate.failed
		var says bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), mounterVariable+"="+dir), &says
		if err := place.Start(cmd); err != nil {
			t.Fatal(err)
		}
		mounttest.WithoutRight(t, unix.CAP_SYS_PTRACE, func() { err = gate.mountOnce() })
		if err != nil {
			t.Error(err)
		}
		if continued, err := place.MountError(); !continued || !errors.Is(err, errHidden) || !strings.Contains(err.Error(), "/mem: permission denied") {
			t.Errorf("%v, it made the mount itself: %t", err, continued)
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w: %s", err, &says)
		}
		return nil
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), unix.EPERM.Error()) {
		t.Errorf("the first client: %v, want %v", err, unix.EPERM)
	}
	if top, err := mount.Top(dir); top != nil || err != nil {
		t.Errorf("the first client has mounted %+v, %v", top, err)
	}
	for range 2 {
		if err := start(); err != nil {
			t.Error(err)
		}
		if top, err := mount.Top(dir); top == nil || top.FSType != "tmpfs" {
			t.Errorf("mounted: %+v, %v", top, err)
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
}

// TestRealClientMounts: GlusterFS's own client gets its mount. Its server accepts connections, and never answers.
func TestRealClientMounts(t *testing.T) {
	leavesNoDescriptor(t)
	dir := stateDir(t)
	n := openNode(t, dir)
	if !n.Supervised() {
		t.Error("clients are not supervised")
	}
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	at, log := filepath.Join(dir, "clients", "one"), filepath.Join(dir, "logs", "one.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	place, err := n.Prepare(Client{Name: "one", Log: log, Mount: at, Group: firstGroup})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), n.tree.binary, "-N", "--process-name", "fuse", "--log-file="+log, "--volfile-server=127.0.0.1",
		fmt.Sprintf("--volfile-server-port=%d", server.Addr().(*net.TCPAddr).Port), "--volfile-id=/volume", at)
	err = place.Start(cmd)
	place.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := n.Remove("one"); err != nil {
			t.Error(err)
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		top, err := mount.TopIn(cmd.Process.Pid, at)
		if top != nil {
			if top.FSType != mount.FSType || top.Source != "127.0.0.1:/volume" {
				t.Errorf("mounted: %+v", top)
			}
			break
		}
		if err != nil || time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			t.Fatalf("not mounted: %v; its log:\n%s", err, text)
		}
	}
	if group, err := mount.ProcessStatus(cmd.Process.Pid, "Gid"); group != strconv.Itoa(firstGroup) || err != nil {
		t.Errorf("its group is %s, %v", group, err)
	}
	for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
		if rights, err := mount.ProcessStatus(cmd.Process.Pid, set); rights != fmt.Sprintf("%016x", ofClient) || err != nil {
			t.Errorf("%s is %s, %v", set, rights, err)
		}
	}
}
