package tables_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

type seen struct {
	target tables.Target
	ended  bool
}

// watching runs a Watcher until the test ends, and returns what it reports.
func watching(t *testing.T) (*tables.Watcher, chan seen) {
	t.Helper()
	w, err := tables.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	reports, ended := make(chan seen, 100), make(chan error)
	go func() {
		ended <- w.Run(context.Background(), func(target tables.Target, ended bool) { reports <- seen{target, ended} })
	}()
	t.Cleanup(func() {
		w.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w, reports
}

func next(t *testing.T, reports chan seen) seen {
	t.Helper()
	select {
	case r := <-reports:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("no report")
		return seen{}
	}
}

func target(t *testing.T, pid int) tables.Target {
	t.Helper()
	table, err := tables.Read(pid, anyDevice)
	if err != nil {
		t.Fatal(err)
	}
	return table.Target()
}

func set(t *testing.T, w *tables.Watcher, targets ...tables.Target) {
	t.Helper()
	if err := w.Set(targets); err != nil {
		t.Fatal(err)
	}
}

// TestWatch: each change of a namespace's table is reported, and the end of its process, but no changes elsewhere.
func TestWatch(t *testing.T) {
	point := dir(t, t.TempDir(), "point")
	one, two := mounttest.Container(t, "private"), mounttest.Container(t, "private")
	before := mounttest.Descriptors(t)
	w, reports := watching(t)
	set(t, w, target(t, one), target(t, two))
	first, second := next(t, reports), next(t, reports)
	if first.target == second.target || first.ended || second.ended {
		t.Errorf("at first: %+v, %+v", first, second)
	}
	mountInside := func(pid int) {
		mounttest.Inside(t, pid, func() error { return unix.Mount("", point, "tmpfs", 0, "") })
	}
	for range 3 {
		mountInside(two)
		if got := next(t, reports); got != (seen{target(t, two), false}) {
			t.Errorf("after a mount: %+v", got)
		}
	}
	mounttest.Inside(t, one, func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }) // does not change a line
	mountInside(one)
	if got := next(t, reports); got != (seen{target(t, one), false}) {
		t.Errorf("after a mount: %+v", got)
	}
	ends := target(t, one)
	endProcess(t, one)
	if got := next(t, reports); got != (seen{ends, true}) {
		t.Errorf("after the end of the process: %+v", got)
	}
	set(t, w, target(t, two)) // already watched: nothing to report
	set(t, w)
	mountInside(two)
	set(t, w, target(t, two))
	if got := next(t, reports); got != (seen{target(t, two), false}) || len(reports) > 0 {
		t.Errorf("watched again: %+v, and %d more", got, len(reports))
	}
	w.Close()
	if err := w.Set(nil); err == nil {
		t.Error("targets of a closed watcher")
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

// TestWatchSeesDroppedMounts: when a directory is removed, the kernel drops the mounts on it in other namespaces, as it does with
// the directories of a GlusterFS volume after a change of the client's graph. A bind of a removed directory stays, without an
// event.
func TestWatchSeesDroppedMounts(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	dev := mountTmpfs(t, volume)
	tmp, sub, data := dir(t, volume, "tmp"), dir(t, volume, "sub"), dir(t, t.TempDir(), "data")
	pid := mounttest.Container(t, "private")
	mounttest.Inside(t, pid, func() error {
		return errors.Join(unix.Mount("emptydir", tmp, "tmpfs", 0, ""), unix.Mount(sub, data, "", unix.MS_BIND, ""))
	})
	w, reports := watching(t)
	set(t, w, target(t, pid))
	next(t, reports)
	for _, lost := range []string{sub, tmp} {
		if err := os.Remove(lost); err != nil {
			t.Fatal(err)
		}
	}
	if got := next(t, reports); got != (seen{target(t, pid), false}) || len(reports) > 0 {
		t.Errorf("%+v, and %d more", got, len(reports))
	}
	table, err := tables.Read(pid, dev)
	if err != nil || points(table.Mounts) != volume+" "+data || !table.Mounts[1].Deleted {
		t.Errorf("%+v, %v", table, err)
	}
}

// TestWatchKeepsNoNamespace: once the last process of a namespace has ended, its mounts are dropped, and with them the file
// system.
func TestWatchKeepsNoNamespace(t *testing.T) {
	volume := filepath.Join(t.TempDir(), "volume")
	mountTmpfs(t, volume)
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(notify), "inotify")
	defer events.Close()
	if _, err := unix.InotifyAddWatch(notify, volume, unix.IN_DELETE_SELF); err != nil {
		t.Fatal(err)
	}
	pid := mounttest.Container(t, "private")
	w, reports := watching(t)
	set(t, w, target(t, pid))
	next(t, reports)
	if err := unix.Unmount(volume, 0); err != nil {
		t.Fatal(err)
	}
	endProcess(t, pid)
	if got := next(t, reports); !got.ended {
		t.Errorf("%+v", got)
	}
	// The kernel reports the end of a file system with IN_UNMOUNT.
	if err := events.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	event := make([]byte, unix.SizeofInotifyEvent)
	if _, err := events.Read(event); err != nil || binary.NativeEndian.Uint32(event[4:])&unix.IN_UNMOUNT == 0 {
		t.Errorf("the file system is still there: %v, %v", event, err)
	}
}

// TestWatchWhatHasEnded: a process that ends before it is watched is reported as well, and so is one that is in another namespace
// by now.
func TestWatchWhatHasEnded(t *testing.T) {
	pid := mounttest.Container(t, "private")
	good := target(t, pid)
	moved, another := good, good
	moved.Namespace--
	another.Start--
	w, reports := watching(t)
	before := mounttest.Descriptors(t)
	for name, bad := range map[string]tables.Target{"moved": moved, "another": another} {
		set(t, w, bad)
		if got := next(t, reports); got != (seen{bad, true}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	endProcess(t, pid)
	set(t, w, good)
	if got := next(t, reports); got != (seen{good, true}) {
		t.Errorf("ended: %+v", got)
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
}

// TestWatchInDoubt: a target that cannot be watched is an error, and leaves no descriptor.
func TestWatchInDoubt(t *testing.T) {
	before := mounttest.Descriptors(t)
	for more := range 2 {
		restore := mounttest.LimitDescriptors(t, more)
		_, err := tables.NewWatcher()
		restore()
		if err == nil {
			t.Errorf("a watcher with %d descriptors", more)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("without a watcher %d descriptors, before there were %d", after, before)
	}
	w, reports := watching(t)
	self := target(t, os.Getpid())
	before = mounttest.Descriptors(t)
	for more := range 2 {
		restore := mounttest.LimitDescriptors(t, more)
		err := w.Set([]tables.Target{self})
		restore()
		if err == nil {
			t.Errorf("watched with %d descriptors", more)
		}
	}
	if after := mounttest.Descriptors(t); after != before {
		t.Errorf("%d descriptors, before there were %d", after, before)
	}
	set(t, w, self)
	if got := next(t, reports); got != (seen{self, false}) {
		t.Errorf("%+v", got)
	}
}

// TestRunEnds: Run ends with its context, and may be called again.
func TestRunEnds(t *testing.T) {
	w, err := tables.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended, reported := make(chan error), make(chan bool, 1)
		go func() { ended <- w.Run(ctx, func(tables.Target, bool) { reported <- true }) }()
		set(t, w)
		set(t, w, target(t, os.Getpid()))
		<-reported
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestWatchIsPaced: the changes of a container that mounts and unmounts without end are first reported at once, then at
// intervals. The last change is always reported.
func TestWatchIsPaced(t *testing.T) {
	point := dir(t, t.TempDir(), "point")
	pid := mounttest.Container(t, "private")
	w, reports := watching(t)
	set(t, w, target(t, pid))
	next(t, reports)
	began, number := time.Now(), 0
	mounttest.Inside(t, pid, func() error {
		for range 300 {
			if err := errors.Join(unix.Mount("busy", point, "tmpfs", 0, ""), unix.Unmount(point, 0)); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	for len(reports) > 0 {
		<-reports
		number++
	}
	if most := 20 + int(time.Since(began)/(2*time.Second)); number == 0 || number > most {
		t.Errorf("%d reports, want at most %d", number, most)
	}
	if got := next(t, reports); got.ended {
		t.Errorf("%+v", got)
	}
	mounttest.Inside(t, pid, func() error { return unix.Mount("once more", point, "tmpfs", 0, "") })
	if got := next(t, reports); got.ended {
		t.Errorf("%+v", got)
	}
	if err := w.Set(nil); err != nil { // while the watcher does not listen to the table
		t.Error(err)
	}
}

// TestWatchLeavesDescriptors: half of this process's descriptors stay free for other uses.
func TestWatchLeavesDescriptors(t *testing.T) {
	targets := make([]tables.Target, 0, 20)
	for range cap(targets) {
		targets = append(targets, target(t, beside(t, os.Getpid(), "/bin/sleep", "infinity")))
	}
	w, reports := watching(t)
	before := mounttest.Descriptors(t)
	restore := mounttest.LimitDescriptors(t, 40)
	err := w.Set(targets)
	restore()
	if err == nil || !strings.Contains(err.Error(), "which is the maximum") || errors.Is(err, unix.EMFILE) {
		t.Error(err)
	}
	if n := mounttest.Descriptors(t) - before; n < 2 || n >= 2*len(targets) {
		t.Errorf("%d descriptors", n)
	}
	if got := next(t, reports); got.ended {
		t.Errorf("%+v", got)
	}
}
