package mounter

import (
	"os"
	"os/exec"
	"testing"
)

func TestProcessIdentity(t *testing.T) {
	self, err := identifyProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.alive() {
		t.Error("this process is not alive")
	}
	for name, p := range map[string]process{
		"none":                       {},
		"the same number used again": {self.PID, self.Start + 1},
		"no such process":            {1 << 22, self.Start},
	} {
		if pidfd, err := p.open(); p.alive() || pidfd != -1 || err != nil {
			t.Errorf("%s: alive %t, pidfd %d, %v", name, p.alive(), pidfd, err)
		}
	}
	if p, found := findClient("/no/such/path"); found {
		t.Errorf("found %+v", p)
	}
}

// A client's number may belong to somebody else by the time its volume is unstaged.
func TestUnstageSparesForeignProcess(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	other := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	identity, err := identifyProcess(other.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	// The client began before; not by its own time, since the kernel counts in hundredths of a second.
	r.Process = process{identity.PID, identity.Start - 1}
	if err := n.save(r); err != nil {
		t.Fatal(err)
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if now, err := identifyProcess(other.Process.Pid); err != nil || now != identity || !now.alive() {
		t.Errorf("a foreign process was killed: %v", err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
}
