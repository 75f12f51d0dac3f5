package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAlive(t *testing.T) {
	for name, c := range map[string]struct {
		stat string
		want bool
	}{
		"sleeps":            {"7 (a) b) S 1 7 7 0 -1 4194560 0", true},
		"zombie":            {"7 (x) Z 1 7 7 0 -1 4228100 0", false},
		"on its way out":    {"7 (x) S 1 7 7 0 -1 4194564 0", false},
		"not what we know":  {"7 (x) S", false},
		"gone while we ask": {"", false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(c.stat), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := alive(dir); got != c.want {
			t.Errorf("%s: alive is %v, want %v", name, got, c.want)
		}
	}
	if !alive("/proc/self") {
		t.Error("this process is not alive")
	}
}

func TestInLabFindsProcessesByTheirEnvironment(t *testing.T) {
	layout, err := layoutOf(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "60")
	child.Env = []string{"GLUSTERFS_CSI_LAB=" + layout.Dir}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
	found, err := processes(inLab(layout))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].pid != child.Process.Pid {
		t.Errorf("found %v, want only pid %d", found, child.Process.Pid)
	}
}
