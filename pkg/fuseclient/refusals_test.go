package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestCallsWaitForEachOther: while one call holds the volume or the path, others return ErrBusy.
func TestCallsWaitForEachOther(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.mustPublish("target")
	calls := map[string]func() error{
		"stage":     func() error { return n.Stage(t.Context(), source("vol"), n.path("staging")) },
		"publish":   func() error { return n.publish("target", false) },
		"unpublish": func() error { return n.Unpublish(t.Context(), "id-vol", n.path("target")) },
		"unstage":   func() error { return n.Unstage(t.Context(), "id-vol", n.path("staging")) },
	}
	for _, held := range []string{"volume id-vol", "path " + n.path("staging"), "path " + n.path("target")} {
		release, err := n.locks.acquire(t.Context(), held, "NodeTestVolume")
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range calls {
			concerned := strings.HasPrefix(held, "volume") || strings.HasSuffix(held, "target") == strings.HasSuffix(name, "publish")
			if !concerned {
				continue
			}
			if err := call(); !errors.Is(err, mount.ErrBusy) {
				t.Errorf("%s while %s is held: %v", name, held, err)
			}
		}
		release()
	}
	// A call that waited in vain holds no lock.
	for _, name := range []string{"stage", "publish", "unpublish", "unstage"} {
		if err := calls[name](); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

// TestCallsRefuse: requests that no orchestrator sends are refused.
func TestCallsRefuse(t *testing.T) {
	n := newNode(t)
	n.stage()
	for name, err := range map[string]error{
		"a volume without servers": n.Stage(t.Context(), mount.Source{VolumeID: "x", Volume: "v"}, n.path("staging")),
		"stage without an id":      n.Stage(t.Context(), mount.Source{Servers: []string{"a"}, Volume: "v"}, n.mkdir("other")),
		"unstage without an id":    n.Unstage(t.Context(), "", n.path("staging")),
		"unpublish without an id":  n.Unpublish(t.Context(), "", n.path("target")),
		"a relative staging path":  n.Publish(t.Context(), mount.Publication{VolumeID: "id-vol", StagingPath: "staging", TargetPath: n.path("target")}),
		"a relative target path":   n.Publish(t.Context(), mount.Publication{VolumeID: "id-vol", StagingPath: n.path("staging"), TargetPath: "target"}),
	} {
		if !errors.Is(err, mount.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStageUnderAForeignMount: a foreign mount over the staging path is not the volume's mount, even if the volume's client runs.
func TestStageUnderAForeignMount(t *testing.T) {
	n := newNode(t)
	n.stage()
	if err := unix.Mount("tmpfs", n.path("staging"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, mount.ErrConflict) {
		t.Errorf("stage: %v", err)
	}
	if n.layers("staging") != 2 {
		t.Errorf("%d layers", n.layers("staging"))
	}
}

// TestStageDifferentlyWhilePublished: a volume whose staging path was unmounted by hand is still in use by its pods.
func TestStageDifferentlyWhilePublished(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol", "ro"), n.path("staging")); !errors.Is(err, mount.ErrConflict) {
		t.Errorf("stage read-only: %v", err)
	}
	if !r.Process.alive() || answers(n.path("target")) != nil {
		t.Error("the client was ended")
	}
}

// TestStageFromWhatIsPublished: of the mounts of a running client, only one that shows the volume as it was staged is bound to
// the staging path again.
func TestStageFromWhatIsPublished(t *testing.T) {
	for name, tt := range map[string]struct {
		flags    []string
		readOnly bool
		cover    bool // cover the target
		same     bool // the client is the same afterwards
	}{
		"writable":                        {nil, false, false, true},
		"read-only":                       {nil, true, false, false},
		"read-only, and so is the volume": {[]string{"ro"}, true, false, true},
		"covered by another mount":        {nil, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			stage := func() record {
				if err := n.Stage(t.Context(), source("vol", tt.flags...), n.path("staging")); err != nil {
					t.Fatal(err)
				}
				return n.known()
			}
			r := stage()
			if err := n.publish("target", tt.readOnly); err != nil {
				t.Fatal(err)
			}
			if tt.cover {
				if err := unix.Mount("tmpfs", n.path("target"), "tmpfs", 0, ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := unix.Unmount(n.path("staging"), 0); err != nil {
				t.Fatal(err)
			}
			if again := stage(); (again.Process == r.Process) != tt.same {
				t.Errorf("the same client: %t, want %t", !tt.same, tt.same)
			}
			if err := os.Mkdir(n.path("staging/dir"), 0o755); errors.Is(err, unix.EROFS) != (len(tt.flags) > 0) {
				t.Errorf("a write below the staging path: %v", err)
			}
		})
	}
}

// TestReplacedClientLeavesNothing: a client that is replaced is unmounted from its first path.
func TestReplacedClientLeavesNothing(t *testing.T) {
	n := newNode(t)
	dead := n.stage()
	fresh := n.freshPath(dead)
	if err := errors.Join(os.Mkdir(fresh, 0o700), unix.Mount(n.path("staging"), fresh, "", unix.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	n.kill(dead)
	n.stage()
	n.ending.Wait()
	if files := n.files(); strings.Contains(files, filepath.Base(fresh)) {
		t.Errorf("left: %s", files)
	}
	if left := mountsBelow(t, n.cfg.StateDir); len(left) > 0 {
		t.Errorf("mounts left: %q", left)
	}
}

// TestFailedReplacementSaysWhy: the reason reaches the caller of the publish that needed the replacement.
func TestFailedReplacementSaysWhy(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	n.cfg.Glusterfs = n.path("no-glusterfs")
	if err := n.publish("target", false); err == nil || !strings.Contains(err.Error(), "is the glusterfs client package installed?") {
		t.Errorf("publish: %v", err)
	}
	n.cfg.Glusterfs = n.path("failing-glusterfs")
	if err := os.WriteFile(n.cfg.Glusterfs, []byte("#!/bin/sh\nsleep 0.2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := n.Stage(t.Context(), source("vol"), n.path("staging"))
	if err == nil || !strings.Contains(err.Error(), "the GlusterFS client failed: the client ended before it was ready, exit status 1; its log ends with: ") {
		t.Errorf("stage: %v", err)
	}
}

// TestStageWithoutServers: no client is started if no server can be reached.
func TestStageWithoutServers(t *testing.T) {
	n := newNode(t)
	n.cfg.Prober.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, unix.ECONNREFUSED }
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), "no GlusterFS server can be reached") {
		t.Errorf("stage: %v", err)
	}
	if left := n.files(); left != "" {
		t.Errorf("left: %s", left)
	}
}

// TestBackupServers: the backup servers of the mount options follow the volume's own servers, each once.
func TestBackupServers(t *testing.T) {
	n := newNode(t)
	if err := n.Stage(t.Context(), source("vol", "backup-volfile-servers=gluster3:gluster1"), n.path("staging")); err != nil {
		t.Fatal(err)
	}
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n.known().Process.PID))
	if err != nil {
		t.Fatal(err)
	}
	var servers []string
	for argument := range strings.SplitSeq(string(arguments), "\x00") {
		if server, ok := strings.CutPrefix(argument, "--volfile-server="); ok {
			servers = append(servers, server)
		}
	}
	slices.Sort(servers)
	if want := []string{"gluster1", "gluster2", "gluster3"}; !slices.Equal(servers, want) {
		t.Errorf("servers %q, want %q", servers, want)
	}
}

// TestClientIsReaped: a client that has ended leaves no zombie.
func TestClientIsReaped(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	waitFor(t, "its reaping", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", r.Process.PID))
		return errors.Is(err, os.ErrNotExist)
	})
}

// TestEndingIsWrittenDown: the file in ending/ exists until the client has ended.
func TestEndingIsWrittenDown(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if files := n.files(); files != "ending/"+r.name()+".json" {
		t.Errorf("files %s, want the one in ending/", files)
	}
	if err := n.Unpublish(t.Context(), "id-vol", n.path("target")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
	n.restart()
	n.ending.Wait()
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
}

// TestUnpublishRefuses: the error says whether the request or the node is at fault.
func TestUnpublishRefuses(t *testing.T) {
	n := newNode(t)
	file := filepath.Join(n.mkdir("full"), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{n.path("full"), file} {
		if err := n.Unpublish(t.Context(), "id-vol", path); !errors.Is(err, mount.ErrInvalid) || !strings.Contains(err.Error(), "move the data away") {
			t.Errorf("%s: %v", path, err)
		}
	}
	readOnly := n.mkdir("read-only")
	if err := unix.Mount("tmpfs", readOnly, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(n.path("read-only/target"), 0o755), unix.Mount("", readOnly, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	if err := n.Unpublish(t.Context(), "id-vol", n.path("read-only/target")); !errors.Is(err, unix.EROFS) || errors.Is(err, mount.ErrInvalid) {
		t.Errorf("on a read-only file system: %v", err)
	}
}

// TestUnstageWithoutItsDirectory: the orchestrator may have removed all directories already.
func TestUnstageWithoutItsDirectory(t *testing.T) {
	n := newNode(t)
	staging := filepath.Join(n.mkdir("globalmount"), "staging")
	if err := os.Mkdir(staging, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol"), staging); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Unmount(staging, 0), os.Remove(staging), os.Remove(n.path("globalmount"))); err != nil {
		t.Fatal(err)
	}
	if err := n.Unstage(t.Context(), "id-vol", staging); err != nil {
		t.Fatal(err)
	}
	n.ending.Wait()
	if _, known := n.record("id-vol"); known || n.files() != "" {
		t.Errorf("known: %t, files: %s", known, n.files())
	}
}
