package gluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// disks is a directory with devices, mount points and a table. mounts holds what the fake has mounted.
type disks struct {
	*mounter
	runner   *fakeRunner
	dir      string
	restarts atomic.Int32

	mu     sync.Mutex
	mounts []string
	fails  map[string]error         // by mount point
	hangs  map[string]chan struct{} // by mount point, until closed
}

// newDisks returns disks with a table of bricks a, b …, whose devices all exist.
func newDisks(t *testing.T, names ...string) *disks {
	t.Helper()
	d := &disks{runner: newFakeRunner(), dir: t.TempDir(), fails: map[string]error{}, hangs: map[string]chan struct{}{}}
	d.mounter = newMounter(d.runner, defaultLimits(), filepath.Join(d.dir, "fstab"), d.list, func() { d.restarts.Add(1) })
	d.runner.answers = d.answer
	for _, name := range names {
		d.attach(t, name)
	}
	d.writeTable(t, names...)
	return d
}

func (d *disks) attach(t *testing.T, name string) {
	t.Helper()
	writeTree(t, d.dir, map[string]string{"dev/" + name: ""})
}

func (d *disks) detach(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "dev", name)); err != nil {
		t.Fatal(err)
	}
}

func (d *disks) point(name string) string { return filepath.Join(d.dir, "mounts", name) }

func (d *disks) writeTable(t *testing.T, names ...string) {
	t.Helper()
	var table strings.Builder
	for _, name := range names {
		fmt.Fprintf(&table, "%s %s xfs rw,inode64,noatime,nouuid 1 2\n", filepath.Join(d.dir, "dev", name), d.point(name))
	}
	writeTree(t, d.dir, map[string]string{"fstab": table.String()})
}

func (d *disks) list() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.mounts), nil
}

func (d *disks) answer(ctx context.Context, command string) (string, error) {
	words := strings.Fields(command)
	point := words[len(words)-1]
	d.mu.Lock()
	failure, hang := d.fails[point], d.hangs[point]
	d.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	lazy := slices.Contains(words, "--lazy")
	if failure != nil && !lazy {
		return "", failure
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch words[0] {
	case "mount":
		if _, err := os.Stat(point); err != nil {
			return "", err
		}
		d.mounts = append(d.mounts, point)
	case "umount":
		d.mounts = slices.DeleteFunc(d.mounts, func(m string) bool { return m == point })
	}
	return "", nil
}

func (d *disks) fail(name string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails[d.point(name)] = err
}

// have compares the mounted file systems with names.
func (d *disks) have(t *testing.T, names ...string) {
	t.Helper()
	got, _ := d.list()
	for i, m := range got {
		got[i] = filepath.Base(m)
	}
	slices.Sort(got)
	if !slices.Equal(got, names) {
		t.Errorf("mounted are %q, want %q", got, names)
	}
}

// mounting calls run in fake time, and ends the attempts of run's mounter afterwards.
func mounting(t *testing.T, run func(ctx context.Context, log func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, log := logged(t)
		ctx, cancel := context.WithCancel(ctx)
		defer synctest.Wait()
		defer cancel()
		run(ctx, log)
	})
}

func TestMountAll(t *testing.T) {
	mounting(t, func(ctx context.Context, log func() string) {
		d := newDisks(t, "a", "b")
		d.mounts = []string{d.point("b")}
		d.mountAll(ctx)
		d.have(t, "a", "b")
		want := []string{
			"mount -t xfs -o rw,inode64,noatime,nouuid --source " + d.dir + "/dev/a --target " + d.point("a"),
		}
		if diff := cmp.Diff(want, d.runner.taken()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Hour)
		if again := d.runner.taken(); len(again) > 0 || d.restarts.Load() > 0 {
			t.Errorf("%d restarts, %v", d.restarts.Load(), again)
		}
		if strings.Contains(log(), "Not mounted") {
			t.Error(log())
		}
	})
}

// TestMissingDevice: a missing device holds up nothing, is reported once, and is mounted when it appears; glusterd then starts
// the brick.
func TestMissingDevice(t *testing.T) {
	mounting(t, func(ctx context.Context, log func() string) {
		d := newDisks(t, "a", "b", "c")
		d.detach(t, "b")
		d.mountAll(ctx)
		d.have(t, "a", "c")
		err := d.problem(d.point("b") + "/brick")
		if err == nil || !strings.Contains(err.Error(), "/dev/b is missing") {
			t.Errorf("the problem is %v", err)
		}
		if other := d.problem(d.point("a") + "/brick"); other != nil {
			t.Errorf("the problem of another: %v", other)
		}
		time.Sleep(10 * time.Minute)
		if n := strings.Count(log(), "Not mounted"); n != 1 {
			t.Errorf("reported %d times", n)
		}
		d.attach(t, "b")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		d.have(t, "a", "b", "c")
		if d.restarts.Load() != 1 || d.problem(d.point("b")) != nil {
			t.Errorf("%d restarts, %v", d.restarts.Load(), d.problem(d.point("b")))
		}
	})
}

// TestDeletedBrick: entries that Heketi has removed or added after the start are not mounted.
func TestDeletedBrick(t *testing.T) {
	mounting(t, func(ctx context.Context, _ func() string) {
		d := newDisks(t, "a", "b")
		d.fail("b", errFake)
		d.mountAll(ctx)
		d.fail("b", nil)
		d.attach(t, "new")
		d.writeTable(t, "a", "new")
		time.Sleep(time.Hour)
		d.have(t, "a")
		if d.restarts.Load() != 0 || d.problem(d.point("b")) != nil {
			t.Errorf("%d restarts, %v", d.restarts.Load(), d.problem(d.point("b")))
		}
	})
}

// TestDeviceThatHangs: glusterd waits for a hanging device only for a limited time, and other bricks do not wait for it at all.
func TestDeviceThatHangs(t *testing.T) {
	mounting(t, func(ctx context.Context, log func() string) {
		names := strings.Split("abcdefghij", "")
		d := newDisks(t, names...)
		release := make(chan struct{})
		for _, name := range names[:6] { // more than may be mounted at the same time
			d.hangs[d.point(name)] = release
		}
		begun := time.Now()
		d.mountAll(ctx)
		if took := time.Since(begun); took != defaultLimits().mounting {
			t.Errorf("glusterd waited %s", took)
		}
		d.have(t, "g", "h", "i", "j")
		if err := d.problem(d.point("a")); err == nil || !strings.Contains(err.Error(), "being mounted") {
			t.Error(err)
		}
		if !strings.Contains(log(), "failing=6") {
			t.Error(log())
		}
		close(release)
		synctest.Wait()
		d.have(t, names...)
		if d.restarts.Load() != 6 {
			t.Errorf("%d requests for a restart", d.restarts.Load())
		}
	})
}

// TestMountingEnds: mounting ends with the context, even while a device hangs.
func TestMountingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := newDisks(t, "a", "b")
		d.hangs[d.point("a")] = make(chan struct{})
		d.fail("b", errFake)
		go func() { time.Sleep(time.Minute); cancel() }()
		d.mountAll(ctx)
		d.wait()
		d.have(t)
		if err := d.mount(ctx, fileSystem{point: d.point("a")}); err == nil {
			t.Error("mounted after the end")
		}
	})
}

func TestMountFailures(t *testing.T) {
	d := newDisks(t, "a")
	entry := fileSystem{device: d.dir + "/dev/a", point: d.point("a"), kind: "xfs", options: "rw"}
	for _, tc := range []struct {
		name   string
		change func(m *mounter, e *fileSystem)
		says   string
	}{
		{"mount(8)", func(*mounter, *fileSystem) { d.fail("a", errFake) }, errFake.Error()},
		{"mount point below a file", func(_ *mounter, e *fileSystem) { e.point = d.dir + "/fstab/a" }, "make the mount point"},
		{"device below a file", func(_ *mounter, e *fileSystem) { e.device = d.dir + "/fstab/a" }, "look for the device"},
		{"mountinfo", func(m *mounter, _ *fileSystem) {
			m.mounted = func() ([]string, error) { return nil, errors.New("no /proc") }
		}, "no /proc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, e := newMounter(d.runner, defaultLimits(), d.fstab, d.list, nil), entry
			tc.change(m, &e)
			if err := m.mount(t.Context(), e); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
	d.fail("a", nil)
	if err := d.mount(t.Context(), fileSystem{device: "UUID=1", point: d.point("u"), kind: "xfs", options: "rw"}); err != nil {
		t.Errorf("a device that mount looks up: %v", err)
	}
}
