package fuseclient

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestLogCannotFillTheDisk: a client that logs without end keeps working, and logs again once its log has been emptied.
func TestLogCannotFillTheDisk(t *testing.T) {
	ignoreFileLimit()
	path := filepath.Join(t.TempDir(), "log")
	log, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	client := exec.CommandContext(t.Context(), "sh", "-c", `read go; dd if=/dev/zero bs=1M count=20 2>/dev/null; echo full >&2; read go; echo again`)
	client.Stdout = log
	input, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	full, err := client.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	next := func() {
		if _, err := input.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := limitLog(client.Process.Pid); err != nil {
		t.Fatal(err)
	}
	next()
	if _, err := full.Read(make([]byte, 10)); err != nil || size() != mostLog { // nothing is written beyond the limit
		t.Errorf("%v, and the log has %d bytes", err, size())
	}
	if err := boundAlone(path); err != nil {
		t.Fatal(err)
	}
	next()
	if err := client.Wait(); err != nil || size() != int64(len("again\n")) {
		t.Errorf("%v, and the log has %d bytes", err, size())
	}
}

// TestClientsAreConfined: clients in the container are confined like those on the node.
func TestClientsAreConfined(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	status, err := os.ReadFile(r.Process.procPath("status"))
	if err != nil {
		t.Fatal(err)
	}
	limits, err := os.ReadFile(r.Process.procPath("limits"))
	if err != nil {
		t.Fatal(err)
	}
	for want, in := range map[string][]byte{
		`(?m)^CapEff:\t0000000000000400$`:                status,
		`(?m)^Seccomp:\t2$`:                              status,
		`(?m)^Gid:\t20\d{8}\t20\d{8}\t20\d{8}\t20\d{8}$`: status,
		`(?m)^Max file size +16777216 +16777216 +bytes`:  limits,
	} {
		if !regexp.MustCompile(want).Match(in) {
			t.Errorf("no %s in\n%s", want, in)
		}
	}
}

// TestClientsHaveDifferentGroups: otherwise one client could read the files and the memory of the other.
func TestClientsHaveDifferentGroups(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	if err := n.Stage(t.Context(), source("second"), n.mkdir("second")); err != nil {
		t.Fatal(err)
	}
	second, _ := n.record("id-second")
	group := func(p process) string {
		t.Helper()
		status, err := os.ReadFile(p.procPath("status"))
		if err != nil {
			t.Fatal(err)
		}
		return string(regexp.MustCompile(`(?m)^Gid:.*$`).Find(status))
	}
	if one, other := group(r.Process), group(second.Process); one == other {
		t.Errorf("both have %q", one)
	}
}

// boundAlone bounds a log in any directory.
func boundAlone(path string) error {
	disk, err := diskOf(filepath.Dir(path))
	return errors.Join(err, boundLog(path, disk, unix.O_NOFOLLOW))
}

// TestLogThatIsNone: a client of an earlier version could put anything in place of a log.
func TestLogThatIsNone(t *testing.T) {
	dir := t.TempDir()
	victim, link, pipe, other := filepath.Join(dir, "victim"), filepath.Join(dir, "link.log"), filepath.Join(dir, "pipe.log"), filepath.Join(dir, "other.log")
	if err := errors.Join(os.WriteFile(victim, nil, 0o600), os.Truncate(victim, maxLog+1), os.Symlink(victim, link), unix.Mkfifo(pipe, 0o600),
		os.WriteFile(other, nil, 0o600), os.Truncate(other, maxLog+1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(boundAlone(link), boundAlone(pipe), boundLog(other, mount.Device{Minor: 1 << 19}, 0)); err != nil {
		t.Error(err)
	}
	for _, path := range []string{victim, other} {
		if info, err := os.Stat(path); err != nil || info.Size() != maxLog+1 {
			t.Errorf("%s: %v, %v", path, info.Size(), err)
		}
	}
	if lines := tail(link); lines != nil {
		t.Errorf("the end of a link: %q", lines)
	}
	if lines := tail(pipe); len(lines) > 1 {
		t.Errorf("the end of a pipe: %q", lines)
	}
	if err := errors.Join(makeLog(link), makeLog(link), rotateLog(link)); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the next log: %v, %v", info, err)
	}
}
