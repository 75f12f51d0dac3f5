package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestKill: killing a client that has ended meanwhile is a success.
func TestKill(t *testing.T) {
	n := newNode(t)
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := errors.Join(cmd.Wait(), n.Manager.kill(pidfd)); err != nil {
		t.Errorf("one that has ended: %v", err)
	}
	if err := n.Manager.kill(-1); !errors.Is(err, unix.EBADF) || !strings.HasPrefix(err.Error(), "kill the GlusterFS client: ") {
		t.Errorf("no process: %v", err)
	}
}

// TestClientThatDoesNotEnd: as long as the client is there, its file in ending/ stays, and no second client is started. A client
// that waits for a disk behaves like this; here it is this process, which is the first of its PID namespace and cannot be killed
// in it.
func TestClientThatDoesNotEnd(t *testing.T) {
	n := newNode(t)
	if os.Getpid() != 1 {
		t.Fatal("this test would kill itself")
	}
	immortal, err := identifyProcess(1)
	if err != nil {
		t.Fatal(err)
	}
	const says = "does not end, although it was killed"
	r := record{Source: source("vol"), StagingPath: n.path("staging"), Generation: 1, Process: immortal, BootID: n.bootID}
	if err := errors.Join(os.Mkdir(n.freshPath(r), 0o700), writeRecord(n.endingPath(r), r)); err != nil {
		t.Fatal(err)
	}
	if ended, err := n.awaitEnd(r); ended || err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("ended: %t, %v", ended, err)
	}
	n.reap(klog.Background(), r)
	if files, want := n.files(), "clients/"+r.name()+" ending/"+r.name()+".json"; files != want {
		t.Errorf("files %s, want %s", files, want)
	}
	if err := os.Remove(n.endingPath(r)); err != nil {
		t.Fatal(err)
	}
	// If its start was interrupted, the client is written to ending/ again, for the start after this one.
	if err := writeRecord(n.recordPath("id-vol"), r); err != nil {
		t.Fatal(err)
	}
	n.restart()
	n.ending.Wait()
	if _, err := readRecord(n.endingPath(r)); err != nil {
		t.Errorf("after a start of the driver: %v", err)
	}
	// The same holds for a client whose start failed, without a restart of the driver.
	if err := os.Remove(n.endingPath(r)); err != nil {
		t.Fatal(err)
	}
	if err := n.discard(r); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("discard: %v", err)
	}
	if _, err := readRecord(n.endingPath(r)); err != nil {
		t.Errorf("after discard: %v", err)
	}
}

// TestHungClientEndsBesideTheNext: the kernel reuses the number of its device for the client that is started next.
func TestHungClientEndsBesideTheNext(t *testing.T) {
	n := newNode(t)
	hung := n.stage()
	n.stop(hung)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	next := n.stage()
	n.ending.Wait()
	if hung.Process.alive() {
		t.Errorf("the hung client has not been ended; its device was %s, that of the next is %s", hung.Device, next.Device)
	}
	if !next.Process.alive() || answers(n.path("staging")) != nil {
		t.Error("the next one has been ended")
	}
}

// TestDeviceReusedAtOnce: the kernel gives the number of the hung client's device to another mount as soon as the first mount is
// removed.
func TestDeviceReusedAtOnce(t *testing.T) {
	n, _ := newPlacedNode(t)
	hung := n.stage()
	n.stop(hung)
	paths := make([]string, 50) // more than the lower numbers that are likely to be free
	for i := range paths {
		paths[i] = n.mkdir("next-" + strconv.Itoa(i))
	}
	unstaged, mounted := make(chan struct{}), make(chan error, 1)
	go func() { mounted <- n.takeDevice(hung, paths, unstaged) }()
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	close(unstaged)
	if err := <-mounted; err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if hung.Process.alive() {
		t.Errorf("the hung client has not been ended; its device was %s", hung.Device)
	}
}

// takeDevice mounts file systems until one has the number of the client's device. It begins when the client has left its first mount,
// or was unstaged.
func (n *node) takeDevice(r record, paths []string, unstaged <-chan struct{}) error {
	for exists := true; exists; {
		select {
		case <-unstaged:
			exists = false
		default:
			_, err := os.Lstat(n.freshPath(r))
			exists = err == nil
		}
	}
	for _, path := range paths {
		if err := mountDead(path, mount.FSType); err != nil {
			return err
		}
		if device, _, err := mount.DeviceAt(path); err != nil || device == r.Device {
			return err
		}
	}
	n.t.Logf("the kernel has not reused %s", r.Device)
	return nil
}

// TestUnusedIsWrittenDown: a driver that is ended while it waits for a hung client records that the client is unused. The next
// driver need not compare device numbers, which the next client may have got.
func TestUnusedIsWrittenDown(t *testing.T) {
	n := newNode(t)
	hung := n.stage()
	n.stop(hung)
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	written, err := readRecord(n.endingPath(hung))
	if err != nil || !written.Unused {
		t.Fatalf("%+v, %v", written, err)
	}
	next := n.stage()
	if next.Device != hung.Device {
		t.Logf("the kernel has not reused %s; it used %s", hung.Device, next.Device)
	}
	if ended, err := n.awaitEnd(written); !ended || err != nil || hung.Process.alive() {
		t.Errorf("ended: %t, %v", ended, err)
	}
	if !next.Process.alive() || answers(n.path("staging")) != nil {
		t.Error("the next one has been ended")
	}
}

// TestClientOfContainersIsNotKilled: the only remaining mounts of the client are in a container, and its staging path is staged
// again.
func TestClientOfContainersIsNotKilled(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	container := exec.CommandContext(t.Context(), "sleep", "infinity")
	container.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = container.Process.Kill(); _ = container.Wait() })
	inside := fmt.Sprintf("/proc/%d/root%s", container.Process.Pid, n.path("target"))
	for _, name := range []string{"target", "staging"} {
		if err := unix.Unmount(n.path(name), unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
	n.stage()
	n.ending.Wait()
	if err := answers(inside); err != nil || !r.Process.alive() {
		t.Errorf("in the container: %v; the client lives: %t", err, r.Process.alive())
	}
	if err := container.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the client's end, when the container has ended", func() bool { return !r.Process.alive() })
}

// TestClientInDoubtIsNotKilled: the mount table, which shows whether pods use the client, cannot be read.
func TestClientInDoubtIsNotKilled(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	restore := n.hideProcBut(r)
	n.retire(t.Context(), r)
	n.ending.Wait()
	ended, err := n.awaitEnd(r)
	restore()
	if ended || err == nil {
		t.Errorf("ended: %t, %v", ended, err)
	}
	if !r.Process.alive() || answers(n.path("target")) != nil {
		t.Error("it was killed")
	}
}

// hideProcBut hides /proc, and with it the mount table, except for the files that show that a client lives.
func (n *node) hideProcBut(r record) (restore func()) {
	n.t.Helper()
	dir := fmt.Sprintf("/proc/%d", r.Process.PID)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		n.t.Fatal(err)
	}
	restore = mounttest.HideProc(n.t)
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/stat", stat, 0o600)); err != nil {
		n.t.Error(err)
	}
	return restore
}

// TestUnidentifiedClient: a client that cannot be identified is ended at once, because it could not be found later.
func TestUnidentifiedClient(t *testing.T) {
	n := newNode(t)
	n.mkdir("other")
	r := n.stage() // the first stage opens descriptors that stay open
	n.kill(r)
	waitFor(t, "the client to be reaped", func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", r.Process.PID)); return err != nil })
	before := mounttest.Descriptors(t)
	restore := mounttest.HideProc(t)
	err := n.Stage(t.Context(), source("absent"), n.path("other"))
	restore()
	if err == nil || !strings.Contains(err.Error(), "identify the GlusterFS client") {
		t.Errorf("%v", err)
	}
	waitFor(t, "its end", func() bool {
		commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
		return err == nil && !slices.ContainsFunc(commands, func(command string) bool {
			data, err := os.ReadFile(command)
			return err == nil && strings.Contains(string(data), hash("id-absent"))
		})
	})
	waitFor(t, "its descriptors", func() bool { return mounttest.Descriptors(t) <= before })
}
