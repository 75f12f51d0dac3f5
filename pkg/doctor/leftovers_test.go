package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func TestMain(m *testing.M) {
	if fusequery.IsChild(os.Args) {
		syscall.Exit(fusequery.Serve(os.Stderr)) // os.Exit takes a second under the race detector
	}
	os.Exit(mounttest.RunPrivate(m))
}

// fuseMount makes a mount whose client is this test, which never answers.
func fuseMount(t *testing.T, path string) (client int) {
	t.Helper()
	client, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", client)
	if err := unix.Mount("server:/volume", path, "fuse.glusterfs", 0, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestMounts(t *testing.T) {
	dir := t.TempDir() + "/it's a volume"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	client := fuseMount(t, dir)
	run := func(limit time.Duration) []report.Finding {
		return (&Node{}).mounts(t.Context(), checker{limit: limit})
	}
	findings := run(200 * time.Millisecond)
	if len(findings) != 1 || findings[0].Severity != report.Warning || !strings.Contains(findings[0].Message, "does not answer within 50ms") {
		t.Errorf("mute: %+v", findings)
	}
	if err := unix.Close(client); err != nil {
		t.Fatal(err)
	}
	findings = run(time.Hour) // a busy machine needs its time
	if len(findings) != 1 || findings[0].Severity != report.Warning || !strings.Contains(findings[0].Message, "has died") ||
		findings[0].Commands[0] != "umount --lazy '"+strings.ReplaceAll(dir, "'", `'\''`)+"'" {
		t.Errorf("dead: %+v", findings)
	}
}

func TestNoMounts(t *testing.T) {
	findings := (&Node{}).mounts(t.Context(), checker{limit: time.Hour})
	if len(findings) != 1 || findings[0].Severity != report.OK {
		t.Errorf("%+v", findings)
	}
}

// TestHiddenMounts: a mount below a directory that another mount covers is left out, because the directory that is now at its
// path is not a mount point.
func TestHiddenMounts(t *testing.T) {
	dir := t.TempDir()
	point := filepath.Join(dir, "point")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	client := fuseMount(t, point)
	if err := errors.Join(unix.Close(client), unix.Mount("tmpfs", dir, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir, 0) }()
	for name, prepare := range map[string]func() error{
		"nothing":     func() error { return nil },
		"a directory": func() error { return os.Mkdir(point, 0o755) },
	} {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		if found := (&Node{}).mounts(t.Context(), checker{limit: time.Hour}); len(found) != 1 || found[0].Severity != report.OK {
			t.Errorf("%s has its path: %+v", name, found)
		}
		_ = os.Remove(point)
	}
}

// TestRecordsWithoutBootID: if the boot id is unknown, no record counts as one of an earlier boot.
func TestRecordsWithoutBootID(t *testing.T) {
	restore := mounttest.HideProc(t)
	found := recordFindings("s", []fuseclient.Recorded{{BootID: "x"}}, nil)
	restore()
	if len(found) != 1 || !strings.Contains(found[0].Message, "1 volume recorded") {
		t.Errorf("%+v", found)
	}
}

func TestUncleared(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leftovers")
	if found := uncleared("s", dir); len(found) > 0 {
		t.Errorf("nothing is written down: %+v", found)
	}
	if err := os.WriteFile(path, []byte("/s/clients/x: directory not empty\n/s/logs/y: is a directory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := uncleared("s", dir)
	if len(found) != 1 || found[0].Severity != report.Warning || !strings.Contains(found[0].Message, "/s/clients/x: directory not empty; /s/logs/y") {
		t.Errorf("%+v", found)
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if found := uncleared("s", dir); len(found) != 1 || found[0].Severity != report.Warning {
		t.Errorf("what cannot be read: %+v", found)
	}
}

// TestSealed: directories that cannot be removed are reported, each with a command, unless something is mounted on them.
func TestSealed(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	client, staging := filepath.Join(state, "clients", "x-1"), filepath.Join(dir, "it's staging")
	target, mounted := filepath.Join(dir, "target"), filepath.Join(dir, "mounted")
	for _, path := range []string{client, staging, target, mounted} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		mounttest.Seal(t, path)
	}
	if err := errors.Join(mount.Unseal(target), unix.Mount("tmpfs", mounted, "tmpfs", 0, "")); err != nil {
		t.Fatal(err)
	}
	n := &Node{StateDir: state}
	record := fuseclient.Recorded{StagingPath: staging, Publications: map[string]struct{}{target: {}, mounted: {}, filepath.Join(dir, "missing"): {}}}
	found := n.sealed("s", []fuseclient.Recorded{record})
	if err := unix.Unmount(mounted, 0); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Severity != report.Warning || !strings.Contains(found[0].Message, "2 mount points without a mount") ||
		strings.Join(found[0].Commands, "\n") != "chattr -i "+quoted(staging)+"\nchattr -i "+quoted(client) {
		t.Errorf("%+v", found)
	}
	if found := n.sealed("s", nil); len(found) != 1 || len(found[0].Commands) != 1 {
		t.Errorf("without records: %+v", found)
	}
	if err := mount.Unseal(client); err != nil {
		t.Fatal(err)
	}
	if found := n.sealed("s", nil); found != nil {
		t.Errorf("nothing is sealed: %+v", found)
	}
}
