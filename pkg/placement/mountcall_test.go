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

// TestMountThatFails: a client's mount that fails returns the reason, and is the only one.
func TestMountThatFails(t *testing.T) {
	confinement, dir := newConfinement(t), t.TempDir()
	for options, want := range map[string]error{
		"": unix.EFAULT, "rootmode=40000": unix.EINVAL, "fd=1000000": unix.EBADF, "fd=99999999999999999999": unix.EINVAL, "notfd=0": unix.EINVAL,
		"fd=0,rootmode=40000,user_id=0,group_id=0": unix.EINVAL, // another file than /dev/fuse
	} {
		if err := osthread.Run(func() error {
			gate, err := confinement.apply(Client{Mount: dir})
			if err != nil {
				return err
			}
			made := make(chan error, 1)
			go func() { made <- gate.mountOnce() }()
			for _, want := range []error{want, unix.ENOSYS} {
				if err := unix.Mount("client", dir, mount.FSType, 0, options); !errors.Is(err, want) {
					t.Errorf("%q: %v, want %v", options, err, want)
				}
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
		place.gate = nil
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

// TestYama: on a node on which Yama hides the memory of processes also from root, no client has to fail first.
func TestYama(t *testing.T) {
	scope := filepath.Join(t.TempDir(), "ptrace_scope")
	if hidesMemory(scope) {
		t.Error("Yama hides memory, although the node does not have it")
	}
	for value, want := range map[string]bool{"0\n": false, "1\n": false, "2\n": false, "3\n": true} {
		if err := os.WriteFile(scope, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := hidesMemory(scope); got != want {
			t.Errorf("ptrace_scope %q: %t", value, got)
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
