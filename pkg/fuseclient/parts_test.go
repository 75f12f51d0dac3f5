package fuseclient

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestResolve(t *testing.T) {
	n := newNode(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(dir+"/a", 0o755), os.Symlink("a", dir+"/link"), os.Symlink("nowhere", dir+"/a/dangling")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/a":          dir + "/a",
		dir + "/a/":         dir + "/a",
		dir + "/a/.":        dir + "/a",
		dir + "/x/../a/b":   dir + "/a/b",
		dir + "/link/b":     dir + "/a/b",
		dir + "/link":       dir + "/link", // the last element is not followed
		dir + "/a/dangling": dir + "/a/dangling",
		dir + "/missing/b":  "",
		"a":                 "",
		"/":                 "",
		"/a/..":             "",
	} {
		if got, err := n.resolve(t.Context(), path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}

// TestOwner: a mount belongs to another volume only if that volume's client lives.
func TestOwner(t *testing.T) {
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	dev := mount.Device{Major: 0, Minor: 7}
	s := &Manager{records: map[string]record{
		"alive": {Device: dev, Process: self}, "dead": {Device: mount.Device{Minor: 8}, Process: process{PID: self.PID, Start: self.Start + 1}},
	}}
	for _, tt := range []struct {
		dev    mount.Device
		except string
		want   string
	}{
		{dev, "x", "alive"},
		{dev, "alive", ""},
		{mount.Device{Minor: 8}, "x", ""},
		{mount.Device{Minor: 9}, "x", ""},
	} {
		if got, found := s.owner(tt.dev, tt.except); got != tt.want || found != (tt.want != "") {
			t.Errorf("%v except %s: %q, %t", tt.dev, tt.except, got, found)
		}
	}
}

func TestWithCleanup(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	if err := withCleanup(first, nil, nil); err != first { //nolint:errorlint // it is not wrapped
		t.Errorf("nothing to add: %v", err)
	}
	if err := withCleanup(first, nil, second); !errors.Is(err, first) || errors.Is(err, second) || err.Error() != "first (and cleaning up: second)" {
		t.Errorf("%v", err)
	}
}

// TestExit describes how a child ended.
func TestExit(t *testing.T) {
	for command, want := range map[string]string{"exit 3": ", exit status 3", "kill -9 $$": ", killed by signal killed", "exit 0": ", exit status 0"} {
		c := child{exited: make(chan struct{}), cmd: exec.CommandContext(t.Context(), "/bin/sh", "-c", command)}
		if got := c.exit(); got != "" {
			t.Errorf("%s before its end: %q", command, got)
		}
		_ = c.cmd.Run()
		close(c.exited)
		if got := c.exit(); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestNoProcess(t *testing.T) {
	const none = 1 << 22 // above the largest process id
	if (process{PID: none}).alive() {
		t.Error("a process that never existed is alive")
	}
	if p, err := identifyProcess(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestMetaDirs: each client has one directory, which is closed once.
func TestMetaDirs(t *testing.T) {
	open := func() *os.File {
		t.Helper()
		f, err := os.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var m metaDirs
	r, other := record{Generation: 1, Process: self}, record{Generation: 2, Process: self}
	first, second, third := open(), open(), open()
	before := m.get(r)
	m.put(r, first)
	m.put(r, second)
	m.put(other, third)
	if before != nil || m.get(r) != first {
		t.Error("the first directory that is put must be the one that is kept")
	}
	if err := second.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the second is still open: %v", err)
	}
	m.close(r)
	m.close(r)
	if m.get(r) != nil || m.get(other) != third {
		t.Error("only the directory that was closed must be forgotten")
	}
	if err := first.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the first is still open: %v", err)
	}
	m.close(other)
}

// TestRootAnswers: an answer from another device is not the volume's.
func TestRootAnswers(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	other := r
	other.Device.Minor++
	deadFUSE(t, n.mkdir("dead"), mount.FSType)
	for name, tt := range map[string]struct {
		r    record
		path string
		want error
		says string
	}{
		"the volume":      {r, n.path("staging"), nil, ""},
		"another device":  {other, n.path("staging"), mount.ErrNotMounted, "unmounted meanwhile"},
		"no such path":    {r, n.path("missing"), os.ErrNotExist, "getattr " + n.path("missing")},
		"a dead client's": {r, n.path("dead"), mount.ErrUnavailable, ""},
	} {
		if err := n.rootAnswers(t.Context(), tt.r, tt.path); !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	n.stop(r)
	if err := n.rootAnswers(t.Context(), r, n.path("staging")); !errors.Is(err, mount.ErrTimeout) {
		t.Errorf("a client that hangs: %v", err)
	}
}

// TestStatsError: only errors that show a broken client become ErrUnavailable.
func TestStatsError(t *testing.T) {
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	alive, dead := record{Source: source("vol"), Process: self}, record{Source: source("vol")}
	for _, tt := range []struct {
		err  error
		r    record
		want error
		says string
	}{
		{unix.ENOTCONN, alive, mount.ErrUnavailable, "the bricks of volume id-vol do not answer"},
		{unix.ENOTCONN, dead, mount.ErrUnavailable, "the client of volume id-vol has ended"},
		{unix.ECONNABORTED, dead, mount.ErrUnavailable, "the client of volume id-vol has ended"},
		{fmt.Errorf("%w after 5s", mount.ErrTimeout), alive, mount.ErrTimeout, "client or bricks hang"},
		{unix.ENOENT, alive, unix.ENOENT, "statfs /path"},
	} {
		err := statsError(tt.err, tt.r, "/path")
		if !errors.Is(err, tt.want) || !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) || errors.Is(err, mount.ErrUnavailable) != errors.Is(tt.want, mount.ErrUnavailable) {
			t.Errorf("%v: %v, want %v with %q", tt.err, err, tt.want, tt.says)
		}
	}
}

// TestMakeTarget: a target is a new or an empty directory.
func TestMakeTarget(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]bool{"new": true, "empty": true, "full": false, "file": false, "file/below": false, "missing/below": false} {
		switch name {
		case "empty":
			_ = os.Mkdir(filepath.Join(dir, name), 0o755)
		case "full":
			_ = os.MkdirAll(filepath.Join(dir, name, "x"), 0o755)
		case "file":
			_ = os.WriteFile(filepath.Join(dir, name), nil, 0o600)
		}
		if err := makeTarget(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLogLimits: a log of exactly the maximum size is left as it is.
func TestLogLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for size, want := range map[int64]int64{maxLog: maxLog, maxLog + 1: 0} {
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
		if err := boundAlone(path); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != want {
			t.Errorf("%d bytes become %v, %v; want %d", size, info.Size(), err, want)
		}
	}
	if got := tail(path + ".missing"); got != nil {
		t.Errorf("the end of a missing log: %q", got)
	}
}

// TestLastLineOfManyLines: lines without the prefix count only if there are no others, and long lines are cut.
func TestLastLineOfManyLines(t *testing.T) {
	decorated := func(level, text string) string {
		return "[2026-11-24 18:41:03.0 +0000] " + level + " [x.c:1:y] " + text
	}
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{[]string{decorated("E", "first"), "  a continuation"}, "first"},
		{[]string{"undecorated", decorated("I", "fine")}, "undecorated"},
		{[]string{decorated("I", "fine"), "undecorated"}, ""},
		{[]string{decorated("C", "critical"), decorated("I", "fine")}, "critical"},
		{[]string{decorated("W", strings.Repeat("x", 400))}, strings.Repeat("x", 297) + "..."},
	} {
		if got := lastLine(tt.lines); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.lines, got, tt.want)
		}
	}
}
