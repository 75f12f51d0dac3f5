package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// Tests of a client's remains: in the state directory, and mounts.

// occupy puts a directory that cannot be removed in place of a file.
func occupy(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "occupied"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestRemovalErrorsAreReturned: if something cannot be removed, the caller gets an error, which it logs.
func TestRemovalErrorsAreReturned(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	for _, path := range []string{n.recordPath("id-other"), n.logPath("id-other") + ".1", n.freshPath(r)} {
		occupy(t, path)
	}
	for name, err := range map[string]error{
		"a record": n.forget("id-other"), "a log": removeLogs(n.logPath("id-other")), "a fresh path": n.removeFirstMount(t.Context(), r.Process, n.freshPath(r)),
	} {
		if !errors.Is(err, unix.ENOTEMPTY) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := boundLog(filepath.Join(n.logPath("id-vol"), "below"), mount.Device{}, 0); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a log in a file: %v", err)
	}
	defer n.damage("logs")()
	if err := n.boundLogs(nil); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("the directory of logs: %v", err)
	}
}

// TestParseRecordOfOtherVersions: records with a version that this driver does not support are refused.
func TestParseRecordOfOtherVersions(t *testing.T) {
	for data, want := range map[string]bool{`{}`: true, `{"version":0}`: true, `{"version":1}`: true, `{"version":2}`: false, `{"version":-1}`: false, `{`: false} {
		if r, err := parseRecord([]byte(data)); (err == nil) != want {
			t.Errorf("%s: %+v, %v", data, r, err)
		}
	}
}

// TestSees: two processes see the same directory only if the path leads both to the same one. A process in a container may mount
// there a file system that never answers.
func TestSees(t *testing.T) {
	dir := t.TempDir()
	own, other, none := process{PID: os.Getpid()}, foreignProcess(t), process{PID: 1 << 22}
	if !sees(own, dir) || !sees(other, dir) || sees(none, dir) || sees(own, dir+"/missing") {
		t.Error("for processes with the same files")
	}
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end := func() { once.Do(func() { _ = unix.Close(device) }) }
	t.Cleanup(end)
	for fsType, data := range map[string]string{"tmpfs": "", "fuse": fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", device)} {
		pid := mounttest.Container(t, "private")
		mounttest.Inside(t, pid, func() error { return unix.Mount("other", filepath.Dir(dir), fsType, 0, data) })
		stuck := time.AfterFunc(20*time.Second, end) // unblocks the thread
		if sees(process{PID: pid}, dir) || !stuck.Stop() {
			t.Errorf("%s: another directory counts as the same one, or a thread has waited for it", fsType)
		}
	}
}

// TestInService: a client without a complete record is in service if it is mounted at the staging path, and has left its first
// path or is mounted there, too.
func TestInService(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	fresh := n.freshPath(r)
	serves := func(want bool, when string, r record) {
		t.Helper()
		if got := n.inService(r); got != want {
			t.Errorf("%s: %t", when, got)
		}
	}
	serves(true, "after its start", r)
	other := r
	other.Generation++
	serves(false, "another client", other)
	other = r
	other.StagingPath = n.mkdir("plain")
	serves(false, "not mounted", other)
	n.mountOver(n.path("plain"), "other")
	serves(false, "something else is mounted", other)
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	serves(true, "its first path is a directory", r)
	if err := unix.Mount(n.path("staging"), fresh, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	serves(true, "it is on its first path", r)
	n.mountOver(fresh, "other")
	serves(false, "something else is on its first path", r)
}

// TestSecondStartRebuildsWhatIsOld: a record that does not describe the running client is rebuilt. If the client hangs, the record is
// not used, and its file stays, from which the next call completes the record that it rebuilds.
func TestSecondStartRebuildsWhatIsOld(t *testing.T) {
	for name, change := range map[string]func(r *record){
		"not saved to the end": func(r *record) { r.Device = mount.Device{} },
		"of a former client":   func(r *record) { r.Generation--; r.Process.Start-- },
	} {
		for _, hangs := range []bool{false, true} {
			n := newNode(t)
			running := n.stage()
			saved := running
			change(&saved)
			n.ending.Wait()
			n.Close()
			if err := writeRecord(n.recordPath("id-vol"), saved); err != nil {
				t.Fatal(err)
			}
			if hangs {
				n.stop(running)
			}
			n.Manager = startManager(t, n.cfg.StateDir)
			now, known := n.record("id-vol")
			onDisk, err := readRecord(n.recordPath("id-vol"))
			switch {
			case hangs && (known || err != nil || onDisk.name() != saved.name()):
				t.Errorf("a record %s of a client that hangs: in use: %t, on disk %+v, %v", name, known, onDisk, err)
			case !hangs && (err != nil || now.name() != running.name() || now.Device != running.Device || onDisk.name() != running.name()):
				t.Errorf("a record %s: rebuilt as %+v, on disk %+v, %v", name, now, onDisk, err)
			}
			n.signal(running, unix.SIGKILL)
		}
	}
}

// TestLogOfADeadClientStays: the log of a dead client stays as long as its volume is staged.
func TestLogOfADeadClientStays(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	n.restart()
	if _, err := os.Lstat(n.logPath("id-vol")); err != nil {
		t.Error(err)
	}
}

// TestLogOfAFailedStartGoes: the log of a failed start is removed by the unstage.
func TestLogOfAFailedStartGoes(t *testing.T) {
	n := newNode(t)
	if err := n.Stage(t.Context(), source("nope"), n.path("staging")); err == nil {
		t.Fatal("staged")
	}
	if files := n.files(); !strings.Contains(files, ".log") {
		t.Errorf("files: %q", files)
	}
	if err := n.Unstage(t.Context(), "id-nope", n.path("staging")); err != nil {
		t.Error(err)
	}
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
}

// TestStageAfterWhatIsGone: if the new start fails, the former record is not restored.
func TestStageAfterWhatIsGone(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	other := source("nope")
	other.VolumeID = "id-vol"
	if err := n.Stage(t.Context(), other, n.path("staging")); err == nil {
		t.Error("staged")
	}
	if r, known := n.record("id-vol"); known {
		t.Errorf("the record is %+v", r)
	}
}

// TestClientWithoutMounts: an open file keeps a client alive without mounts; there is nothing to clone.
func TestClientWithoutMounts(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	open, err := unix.Open(n.path("staging"), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(open)
	if err := unix.Unmount(n.path("staging"), unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if tree, err := n.cloneMount(t.Context(), r); tree != nil || err != nil {
		t.Errorf("%v, %v", tree, err)
	}
	if tree, err := n.cloneFresh(t.Context(), r, time.Second); tree != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("from its first path: %v, %v", tree, err)
	}
}

// TestDiscardLeavesNoDescriptor: discard closes all descriptors of the client that it ends.
func TestDiscardLeavesNoDescriptor(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	before := mounttest.Descriptors(t)
	if err := n.discard(r); err != nil {
		t.Error(err)
	}
	waitFor(t, "its end", func() bool { return !r.Process.alive() })
	waitFor(t, "its descriptors", func() bool { return mounttest.Descriptors(t) <= before-1 }) // the one through which its end is noticed
	n.metas.close(r)
	n.reap(klog.Background(), r)
}
