package gluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

const (
	layout = "trusted.glusterfs.dht"
	mds    = "trusted.glusterfs.dht.mds"
)

// TestKeepDirectories runs the hook as glusterd does, on the state of a glusterd and the bricks of one server.
func TestKeepDirectories(t *testing.T) {
	needs.Root(t, "only root sets such attributes")
	tests := map[string]struct {
		info   string
		marked bool
	}{
		"one brick":              {"count=1\nsub_count=0\n", true},
		"one brick, newer":       {"count=1\nsub_count=1\n", true},
		"three copies":           {"type=2\ncount=3\nsub_count=3\nreplica_count=3\n", true},
		"dispersed":              {"type=4\ncount=6\nsub_count=6\ndisperse_count=6\n", true},
		"two bricks":             {"count=2\nsub_count=0\n", false},
		"two sets of copies":     {"type=2\ncount=6\nsub_count=3\nreplica_count=3\n", false},
		"what is not a volume's": {"", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			brick, state := filepath.Join(dir, "brick"), filepath.Join(dir, "glusterd")
			deep := filepath.Join(brick, "a", "b c", "-n")
			internal := filepath.Join(brick, ".glusterfs", "00")
			for _, d := range []string{deep, internal, filepath.Join(state, "vols", "v", "bricks")} {
				if err := os.MkdirAll(d, 0o750); err != nil {
					t.Fatal(err)
				}
			}
			for file, content := range map[string]string{
				filepath.Join(brick, "file"):                                    "content",
				filepath.Join(state, "vols", "v", "info"):                       tt.info,
				filepath.Join(state, "vols", "v", "bricks", "here:-brick"):      "hostname=here\npath=" + brick + "\n",
				filepath.Join(state, "vols", "v", "bricks", "elsewhere:-brick"): "hostname=elsewhere\npath=" + filepath.Join(dir, "elsewhere") + "\n",
			} {
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			hook := filepath.Join(dir, KeepDirectoriesName)
			if err := os.WriteFile(hook, KeepDirectories, 0o700); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second run meets the attributes of the first
				cmd := exec.CommandContext(t.Context(), hook, "--volname=v", "--version=1", "--volume-op=add-brick", "--gd-workdir="+state)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Fatalf("%v: %s", err, out)
				}
			}
			want := map[string][]string{}
			if tt.marked {
				want = map[string][]string{brick: {layout}, filepath.Dir(deep): {mds}, deep: {mds}}
			}
			for _, path := range []string{brick, filepath.Dir(deep), deep, internal, filepath.Join(brick, "file")} {
				if got := marks(t, path); strings.Join(got, " ") != strings.Join(want[path], " ") {
					t.Errorf("%s has %v, want %v", path, got, want[path])
				}
			}
		})
	}
}

// marks returns which of the two attributes a file has with the right value.
func marks(t *testing.T, path string) (found []string) {
	t.Helper()
	for name, want := range map[string]string{layout: strings.Repeat("\x00", 12) + "\xff\xff\xff\xff", mds: strings.Repeat("\x00", 4)} {
		value := make([]byte, 64)
		n, err := unix.Lgetxattr(path, name, value)
		switch {
		case err == nil && string(value[:n]) == want:
			found = append(found, name)
		case err == nil:
			t.Errorf("%s: %s is %x", path, name, value[:n])
		case err != unix.ENODATA:
			t.Fatalf("%s: %v", path, err)
		}
	}
	return found
}
