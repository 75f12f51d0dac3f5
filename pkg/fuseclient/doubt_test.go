package fuseclient

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestNoSecondClientInDoubt: no second client is started while the mounts of a running client cannot be read.
func TestNoSecondClientInDoubt(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	restore := n.hideProcBut(r)
	err := n.Stage(t.Context(), source("vol"), n.path("staging"))
	restore()
	if err == nil || !strings.Contains(err.Error(), "mountinfo") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(n.logPath("id-vol") + ".1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a second client was started: it has a log, %v", err)
	}
	if again := n.stage(); again.Process != r.Process {
		t.Error("another client serves the volume afterwards")
	}
}

// TestStageOverAClientInDoubt: a mount is replaced only if its client is known to be gone.
func TestStageOverAClientInDoubt(t *testing.T) {
	n := newNode(t)
	if err := errors.Join(n.Stage(t.Context(), source("odd"), n.path("staging")), n.forget("id-odd")); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	if err := answers(n.path("staging")); err != nil || n.layers("staging") != 1 {
		t.Errorf("%d layers, the top one answers %v", n.layers("staging"), err)
	}
}

// TestBindInDoubt: a target whose mount cannot be read, or cannot be replaced, is left as it is.
func TestBindInDoubt(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	p := mount.Publication{VolumeID: "id-vol", StagingPath: n.path("staging"), TargetPath: n.path("target")}
	restore := mounttest.HideProc(t)
	err := n.bind(t.Context(), r, p, p.TargetPath)
	restore()
	if err == nil || n.layers("target") != 1 {
		t.Errorf("without the table of mounts: %v, %d layers", err, n.layers("target"))
	}
	deadFUSE(t, n.mkdir("dead"), mount.FSType)
	exchanged := r
	exchanged.Device.Minor += 1000 // the device of a client that was replaced meanwhile
	p.TargetPath = n.path("dead")
	if err := n.bind(t.Context(), exchanged, p, p.TargetPath); err == nil || strings.Contains(err.Error(), "cleaning up") || n.layers("dead") != 1 {
		t.Errorf("over a dead mount: %v, %d layers", err, n.layers("dead"))
	}
}

// TestMakeTargetInDoubt: a directory that cannot be read may contain files, so it is refused.
func TestMakeTargetInDoubt(t *testing.T) {
	target := t.TempDir()
	restore := mounttest.LimitDescriptors(t, 0)
	err := makeTarget(target)
	restore()
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("%v", err)
	}
}

// TestPublishWithoutStagingDirectory: the staging directory was removed by an administrator.
func TestPublishWithoutStagingDirectory(t *testing.T) {
	n := newNode(t)
	n.stage()
	if err := errors.Join(unix.Unmount(n.path("staging"), 0), os.Remove(n.path("staging"))); err != nil {
		t.Fatal(err)
	}
	if err := n.publish("target", false); !errors.Is(err, mount.ErrInvalid) || !strings.Contains(err.Error(), "staging path") {
		t.Errorf("%v", err)
	}
}

// TestFirstAnswerFails: a mount that does not answer does not count as an answer.
func TestFirstAnswerFails(t *testing.T) {
	n := newNode(t)
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	deadFUSE(t, n.mkdir("dead"), mount.FSType)
	if dev, err := n.firstAnswer(t.Context(), time.Minute, process{PID: os.Getpid()}, n.path("dead"), self); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("a client that is gone: %v, %v", dev, err)
	}
	restore := mounttest.HideProc(t)
	dev, err := n.firstAnswer(t.Context(), time.Minute, process{PID: os.Getpid()}, n.path("dead"), self)
	restore()
	if err == nil || !strings.Contains(err.Error(), "open mountinfo") {
		t.Errorf("without the table of mounts: %v, %v", dev, err)
	}
}

// TestFirstAnswerIsInterrupted: signals to this process do not end the wait.
func TestFirstAnswerIsInterrupted(t *testing.T) {
	n := newNode(t)
	client := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(client.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	path := n.mkdir("fresh")
	thread, answered := make(chan int), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		_, err := n.firstAnswer(t.Context(), time.Minute, process{PID: os.Getpid()}, path, pidfd)
		answered <- err
	}()
	waiting := <-thread
	for range 20 {
		time.Sleep(time.Millisecond)
		if err := unix.Tgkill(os.Getpid(), waiting, unix.SIGURG); err != nil {
			t.Fatal(err)
		}
	}
	_ = client.Process.Kill()
	if err := <-answered; !errors.Is(err, errEnded) {
		t.Errorf("%v, want an error that the client has ended", err)
	}
	_ = client.Wait()
}

// TestStartWithoutRights: a driver that may not mount reports that at its start.
func TestStartWithoutRights(t *testing.T) {
	var err error
	mounttest.WithoutRight(t, unix.CAP_SYS_ADMIN, func() { _, err = NewManager(t.Context(), testConfig(t.TempDir())) })
	if err == nil || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
		t.Errorf("%v", err)
	}
}
