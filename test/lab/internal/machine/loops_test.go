package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// A pod attaches a file under the path that the file has inside the pod, which does not show the lab.
func TestLoopsOfPodsAreKnownByTheirFiles(t *testing.T) {
	needs.Root(t, "it attaches loop devices")
	lab, other := Layout{Dir: t.TempDir()}, Layout{Dir: t.TempDir()}
	device := attachUnderAnotherName(t, lab, "storage1")
	for _, c := range []struct {
		of    string
		name  string
		lab   Layout
		found bool
	}{
		{"its machine", "storage1", lab, true},
		{"its lab", "", lab, true},
		{"another machine", "storage2", lab, false},
		{"another lab", "", other, false},
	} {
		got, err := Loops(c.lab, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(got, device) != c.found {
			t.Errorf("loop devices of %s are %q; is %s among them? want %v", c.of, got, device, c.found)
		}
	}
	if err := DetachLoops(lab, "storage1", time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/sys/block/" + filepath.Base(device) + "/loop"); err == nil {
		t.Errorf("%s is still attached", device)
	}
}

// attachUnderAnotherName attaches a file on a machine's disk, as a pod does that sees the directory at another path.
func attachUnderAnotherName(t *testing.T, layout Layout, name string) string {
	t.Helper()
	dir := filepath.Join(layout.DiskDir(name), DiskLVM)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "brick.img")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	const script = `mount --bind "$1" /mnt && losetup --find --show /mnt/brick.img`
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-ec", script, "sh", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("attach %s: %v: %s", file, err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = detach(device) })
	return device
}
