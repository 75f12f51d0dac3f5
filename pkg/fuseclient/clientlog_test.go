package fuseclient

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
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
	if err := boundLog(path); err != nil {
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
		`(?m)^CapEff:\t0000000000200400$`:               status,
		`(?m)^Seccomp:\t2$`:                             status,
		`(?m)^Max file size +16777216 +16777216 +bytes`: limits,
	} {
		if !regexp.MustCompile(want).Match(in) {
			t.Errorf("no %s in\n%s", want, in)
		}
	}
}
