package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// damage puts a file in place of a directory of the state directory. repair reverts that.
func (n *node) damage(name string) (repair func()) {
	n.t.Helper()
	dir := filepath.Join(n.cfg.StateDir, name)
	if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
			n.t.Error(err)
		}
	}
}

// fill makes a directory that cannot be removed, with the given path below the state directory.
func (n *node) fill(name string) {
	n.t.Helper()
	if err := os.MkdirAll(filepath.Join(n.cfg.StateDir, name, "occupied"), 0o700); err != nil {
		n.t.Fatal(err)
	}
}

// protect makes a directory of the state directory read-only. undo reverts that.
func (n *node) protect(name string) (undo func()) {
	n.t.Helper()
	dir := filepath.Join(n.cfg.StateDir, name)
	if err := errors.Join(unix.Mount(dir, dir, "", unix.MS_BIND, ""), unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		if err := unix.Unmount(dir, 0); err != nil {
			n.t.Error(err)
		}
	}
}

// unlist covers a directory of the state directory with one that cannot be listed: that of the fake client.
func (n *node) unlist(name string) {
	n.t.Helper()
	n.stage()
	if err := unix.Mount(n.path("staging"), filepath.Join(n.cfg.StateDir, name), "", unix.MS_BIND, ""); err != nil {
		n.t.Fatal(err)
	}
}

// TestFreshPathThatStays: no call fails because the client's first path cannot be removed.
func TestFreshPathThatStays(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.fill(filepath.Join("clients", filepath.Base(n.freshPath(r))))
	n.stage()
	n.mustPublish("target")
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	if again := n.stage(); again.Process != r.Process {
		t.Error("there is another client")
	}
}

// TestStartsThatFail: a driver that cannot read its predecessor's state does not start.
func TestStartsThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(n *node)
		says    string
	}{
		"no directory":                  {func(n *node) { n.damage("volumes") }, "create the state directory"},
		"volumes that cannot be listed": {func(n *node) { n.unlist("volumes") }, "/volumes: "},
		"endings that cannot be listed": {func(n *node) { n.unlist("ending") }, "/ending: "},
		"clients that cannot be listed": {func(n *node) { n.unlist("clients") }, "/clients: "},
		"logs that cannot be listed":    {func(n *node) { n.unlist("logs") }, "/logs: "},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			tt.prepare(n)
			n.Close()
			if _, err := NewManager(t.Context(), testConfig(n.cfg.StateDir)); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error with %q", err, tt.says)
			}
		})
	}
}

// TestOneDriverAtATime: a second driver would end the clients that the first is starting.
func TestOneDriverAtATime(t *testing.T) {
	n := newNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := NewManager(ctx, testConfig(n.cfg.StateDir)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second driver: %v", err)
	}
	n.unlist("logs")
	n.Close()
	for range 2 { // a failed start leaves no lock
		if _, err := NewManager(t.Context(), testConfig(n.cfg.StateDir)); err == nil || !strings.Contains(err.Error(), "/logs: ") {
			t.Errorf("a start that fails: %v", err)
		}
	}
}

// TestStartDespiteLeftovers: leftovers that cannot be removed are logged, and the driver serves the node's other volumes.
func TestStartDespiteLeftovers(t *testing.T) {
	volume := filepath.Join("volumes", hash("id-vol")+".json")
	for name, tt := range map[string]struct {
		prepare func(n *node)
		logged  string
	}{
		"a record":             {func(n *node) { n.fill(volume) }, volume},
		"a client that ends":   {func(n *node) { n.fill("ending/x.json") }, "ending/x.json"},
		"a log":                {func(n *node) { n.fill("logs/x.log") }, "logs/x.log"},
		"a client's directory": {func(n *node) { n.fill("clients/x") }, "clients/x"},
		"a start that was interrupted": {func(n *node) {
			r := record{Source: source("vol"), StagingPath: n.path("staging"), Generation: 1, BootID: n.bootID}
			if err := n.save(r); err != nil {
				n.t.Fatal(err)
			}
			n.fill("clients/" + r.name())
		}, volume},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.mkdir("other")
			if err := n.Stage(t.Context(), source("other"), n.path("other")); err != nil {
				t.Fatal(err)
			}
			tt.prepare(n)
			logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
			n.ending.Wait()
			n.Close()
			next, err := newManager(klog.NewContext(t.Context(), logger), testConfig(n.cfg.StateDir), n.limits)
			if err != nil {
				t.Fatal(err)
			}
			n.Manager = next
			told, err := os.ReadFile(filepath.Join(n.cfg.StateDir, "leftovers"))
			if err != nil || !strings.Contains(string(told), tt.logged+": ") || strings.Count(string(told), "\n") != n.Leftovers() {
				t.Errorf("the file for doctor has %q, %v; %d are counted", told, err, n.Leftovers())
			}
			if r, known := n.record("id-vol"); known {
				t.Errorf("a volume that is not mounted is known: %+v", r)
			}
			if _, err := n.Stats(t.Context(), "id-other", n.path("other")); err != nil {
				t.Errorf("the other volume: %v", err)
			}
			if err := n.Unstage(t.Context(), "id-other", n.path("other")); err != nil {
				t.Errorf("the other volume: %v", err)
			}
			n.ending.Wait()
			log := logger.GetSink().(ktesting.Underlier).GetBuffer().String()
			if !slices.ContainsFunc(strings.Split(log, "\n"), func(line string) bool {
				return strings.Contains(line, "Cannot remove a leftover") && strings.Contains(line, tt.logged)
			}) {
				t.Errorf("the log does not name %s: %s", tt.logged, log)
			}
		})
	}
}

// TestStartWithReadOnlyState: the disk has failed, and the staged volumes keep working.
func TestStartWithReadOnlyState(t *testing.T) {
	n := newNode(t)
	n.mkdir("other")
	if err := n.Stage(t.Context(), source("other"), n.path("other")); err != nil {
		t.Fatal(err)
	}
	r := n.stage()
	n.kill(r)
	r.Generation, r.Process, r.Device = r.Generation+1, process{}, mount.Device{} // an interrupted replacement
	if err := n.save(r); err != nil {
		t.Fatal(err)
	}
	n.addPublication(mount.Publication{VolumeID: "id-vol"}, n.path("unpublished"))
	n.closePublications()
	undo := n.protect("volumes")
	n.restart()
	if published := n.Publications("id-vol"); len(published) > 0 {
		t.Errorf("targets that are not mounted: %+v", published)
	}
	if _, err := n.Stats(t.Context(), "id-other", n.path("other")); err != nil {
		t.Error(err)
	}
	undo()
	n.mustPublish("target") // the kubelet does not stage again
}

// TestRestartKeepsWhatIsInUse: a restart keeps the log of a staged volume, and a client's first path that its stage has not left
// yet.
func TestRestartKeepsWhatIsInUse(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	fresh := n.freshPath(r)
	stray := filepath.Join(n.cfg.StateDir, "logs", "stray.log")
	if err := errors.Join(os.Mkdir(fresh, 0o700), unix.Mount(n.path("staging"), fresh, "", unix.MS_BIND, ""), os.WriteFile(stray, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if left := mountsBelow(t, n.cfg.StateDir); len(left) != 1 || left[0] != fresh {
		t.Errorf("mounts below the state directory: %q, want %s", left, fresh)
	}
	logs, err := os.ReadDir(filepath.Join(n.cfg.StateDir, "logs"))
	if err != nil || len(logs) != 1 || logs[0].Name() != filepath.Base(n.logPath("id-vol")) {
		t.Errorf("logs %v, %v; want the log of the staged volume", logs, err)
	}
}

func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	s, err := NewManager(t.Context(), Config{StateDir: link})
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil || s.cfg.StateDir != resolved || s.cfg.Glusterfs != "glusterfs" || s.cfg.StartTimeout != time.Minute || s.cfg.Prober == nil || s.cfg.ResolverRoot != "/" || s.locks.wait != time.Second {
		t.Errorf("%+v, waits %v for locks, %v", s.cfg, s.locks.wait, err)
	}
	s.Close()
	prober := mount.NewProber()
	s, err = NewManager(t.Context(), Config{StateDir: dir, Glusterfs: "/g", StartTimeout: time.Hour, Prober: &prober})
	if err != nil || s.cfg.Glusterfs != "/g" || s.cfg.StartTimeout != time.Hour || s.cfg.Prober != &prober {
		t.Errorf("%+v, %v", s.cfg, err)
	}
}
