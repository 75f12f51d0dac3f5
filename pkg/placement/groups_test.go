package placement

import (
	"bytes"
	"fmt"
	"os/exec"
	"syscall"
	"testing"
)

// TestGroups: no client gets a group that a running process or an earlier client has.
func TestGroups(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: firstGroup + 7, NoSetGroups: true}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	groups := NewGroups()
	groups.next = 6
	if one, two := groups.Next(), groups.Next(); one != firstGroup+6 || two != firstGroup+8 {
		t.Errorf("%d and %d, want %d and %d", one, two, firstGroup+6, firstGroup+8)
	}
	groups.next = groupNumber - 1
	if last, first := groups.Next(), groups.Next(); last != firstGroup+groupNumber-1 || first != firstGroup {
		t.Errorf("%d and %d, want the last one and the first one", last, first)
	}
}

// TestClientsCannotReachEachOther: a client that was taken over reads neither the files nor the memory of another one, nor its
// environment, which Linux 6.18 shows to every process with CAP_SYS_ADMIN.
func TestClientsCannotReachEachOther(t *testing.T) {
	leavesNoDescriptor(t)
	confinement, groups := newConfinement(t), NewGroups()
	start := func(group uint32, cmd *exec.Cmd) {
		t.Helper()
		place, err := confinement.Prepare(Client{Group: group})
		if err != nil {
			t.Fatal(err)
		}
		defer place.Close()
		if err := place.Start(cmd); err != nil {
			t.Fatal(err)
		}
	}
	other, otherGroup := exec.CommandContext(t.Context(), "sleep", "infinity"), groups.Next()
	start(otherGroup, other)
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	reads := func(group uint32, path string) (bool, string) {
		t.Helper()
		var says bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "dd", fmt.Sprintf("if=/proc/%d/%s", other.Process.Pid, path), "of=/dev/null", "count=0")
		cmd.Stderr = &says
		start(group, cmd)
		return cmd.Wait() == nil, says.String()
	}
	group := groups.Next()
	for _, path := range []string{"root/", "fd/0", "mem", "environ"} {
		if read, says := reads(group, path); read {
			t.Errorf("it reads %s: %s", path, says)
		}
	}
	for _, path := range []string{"root/", "fd/0", "environ"} { // security modules may protect mem
		if read, says := reads(otherGroup, path); !read {
			t.Errorf("even with the same group it does not read %s: %s", path, says)
		}
	}
}
