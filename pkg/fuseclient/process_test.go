package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestProcessIdentity(t *testing.T) {
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.alive() {
		t.Error("this process is not alive")
	}
	before := mounttest.Descriptors(t)
	for name, p := range map[string]process{
		"none":                       {},
		"the same number used again": {self.PID, self.Start + 1},
		"no such process":            {1 << 22, self.Start},
	} {
		if pidfd, err := p.open(); p.alive() || pidfd != -1 || err != nil {
			t.Errorf("%s: alive %t, pidfd %d, %v", name, p.alive(), pidfd, err)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	if p, found := findClient("/no/such/path"); found {
		t.Errorf("found %+v", p)
	}
}

// leaderless ends the process's first thread and keeps the others, like a killed client with a thread that waits in the kernel.
func leaderless() {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	go leaderless() // on another thread
	select {}
}

// TestProcessWithoutItsFirstThread: such a process is a zombie in /proc, but keeps its files open.
func TestProcessWithoutItsFirstThread(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "leaderless")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := identifyProcess(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of its first thread", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID))
		return err == nil && strings.Contains(string(stat), ") Z ")
	})
	pidfd, err := p.open()
	if !p.alive() || pidfd == -1 || err != nil {
		t.Errorf("alive: %t, %d, %v", p.alive(), pidfd, err)
	}
	_ = unix.Close(pidfd)
	_ = cmd.Process.Kill()
	waitFor(t, "its end", func() bool { return !p.alive() })
	_ = cmd.Wait()
}

// TestClientThatEndsAtOnce: the error has a reason even if the client ends at once.
func TestClientThatEndsAtOnce(t *testing.T) {
	n := newNode(t)
	n.cfg.Glusterfs = "/bin/false"
	for range 100 {
		if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, mount.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

// TestOpenLeavesNoDescriptor: no descriptor is left when open cannot check that the process is still the same.
func TestOpenLeavesNoDescriptor(t *testing.T) {
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	before := mounttest.Descriptors(t)
	restore := mounttest.LimitDescriptors(t, 1)
	pidfd, err := self.open()
	restore()
	if after := mounttest.Descriptors(t); pidfd != -1 || err == nil || after > before { // fewer if a process of another test ends meanwhile
		t.Errorf("pidfd %d, %v; %d descriptors, before there were %d", pidfd, err, after, before)
	}
}

// TestAwaitIdly: the wait lasts as long as the process lives.
func TestAwaitIdly(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { awaitIdly(pidfd, time.Time{}); close(ended) }()
	select {
	case <-ended:
		t.Error("it has not waited")
	case <-time.After(50 * time.Millisecond):
	}
	_ = cmd.Process.Kill()
	<-ended
	_ = cmd.Wait()
}

// TestAwaitWithin: waiting for clients that do not end blocks no thread, and leaves no descriptor.
func TestAwaitWithin(t *testing.T) {
	pidfd, err := unix.PidfdOpen(foreignProcess(t).PID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if awaitWithin(pidfd, time.Millisecond) {
		t.Error("it has not ended")
	}
	before := mounttest.Descriptors(t)
	var waiting sync.WaitGroup
	for range 100 {
		waiting.Go(func() {
			if !awaitWithin(pidfd, time.Minute) {
				t.Error("it has ended")
			}
		})
	}
	waitFor(t, "all of them", func() bool { return mounttest.Descriptors(t) >= before+100 })
	if threads, err := os.ReadDir("/proc/self/task"); err != nil || len(threads) > 80 {
		t.Errorf("%d threads, %v", len(threads), err)
	}
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
	if after := mounttest.Descriptors(t); after > before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	restore := mounttest.LimitDescriptors(t, 0)
	ended := awaitWithin(pidfd, time.Minute)
	restore()
	if !ended {
		t.Error("without a descriptor")
	}
}

// foreignProcess starts a process that does not belong to the driver and lives until the test ends.
func foreignProcess(t *testing.T) process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p, err := identifyProcess(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestUnstageSparesForeignProcess: by the time a volume is unstaged, its client's number may belong to another process.
func TestUnstageSparesForeignProcess(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	identity := foreignProcess(t)
	// The client's start time is one tick earlier; a real one could be equal, because the kernel counts in hundredths of a
	// second.
	r.Process = process{identity.PID, identity.Start - 1}
	if err := n.save(r); err != nil {
		t.Fatal(err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if now, err := identifyProcess(identity.PID); err != nil || now != identity || !now.alive() {
		t.Errorf("a foreign process was killed: %v", err)
	}
}

// TestEndingOfAnEarlierBoot: since the earlier boot, another process may have got the client's number and even its start time.
func TestEndingOfAnEarlierBoot(t *testing.T) {
	n := newNode(t)
	identity := foreignProcess(t)
	r := record{Source: source("vol"), StagingPath: n.path("staging"), Generation: 1, Process: identity, BootID: "earlier", Device: mount.Device{Minor: 1 << 19}}
	if err := writeRecord(n.endingPath(r), r); err != nil {
		t.Fatal(err)
	}
	n.restart()
	n.ending.Wait()
	if !identity.alive() {
		t.Error("a foreign process was killed")
	}
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
}
