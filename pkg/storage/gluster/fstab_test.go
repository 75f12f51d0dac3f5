package gluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// heketiLine is the line that Heketi 10.3 writes for a brick.
const heketiLine = "/dev/mapper/vg_1-brick_1 /var/lib/heketi/mounts/vg_1/brick_1 xfs rw,inode64,noatime,nouuid 1 2"

func TestParseFstab(t *testing.T) {
	brick := fileSystem{"/dev/mapper/vg_1-brick_1", "/var/lib/heketi/mounts/vg_1/brick_1", "xfs", "rw,inode64,noatime,nouuid"}
	for _, tc := range []struct {
		name, text string
		want       []fileSystem
		says       string
	}{
		{"Heketi's", heketiLine + "\n", []fileSystem{brick}, ""},
		{"comments and blanks", "# x\n\n \t \n  #y\n" + heketiLine, []fileSystem{brick}, ""},
		{"no options", "UUID=1 /bricks/a xfs", []fileSystem{{"UUID=1", "/bricks/a", "xfs", "defaults"}}, ""},
		{"escapes", `/dev/a\040b /bricks/c\134d\9 xfs defaults 0 0`, []fileSystem{{"/dev/a b", `/bricks/c\d\9`, "xfs", "defaults"}}, ""},
		{"swap and noauto", "/dev/a none swap sw 0 0\n/dev/b /bricks/b xfs rw,noauto 0 0", nil, ""},
		{"cut off", "/dev/a /bricks\n" + heketiLine, []fileSystem{brick}, "line 1 needs a device"},
		{"relative", heketiLine + "\n/dev/a bricks xfs rw 0 0", []fileSystem{brick}, `line 2: "bricks" is not a mount point`},
		{"detour", "/dev/a /bricks/../etc xfs rw 0 0", nil, "is not a mount point"},
		{"root", "/dev/a / xfs rw 0 0", nil, `"/" is not a mount point`},
		{"too long", heketiLine + "\n" + strings.Repeat("x", 1<<17), []fileSystem{brick}, "too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseFstab(strings.NewReader(tc.text))
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(fileSystem{})); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

// TestMakeFstab: a missing file is made, and one that is there stays as it is.
func TestMakeFstab(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heketi", "fstab")
	for _, content := range []string{"", "/dev/a /b xfs"} {
		if content != "" {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := makeFstab(path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, %v; want %q", got, err, content)
		}
	}
	if err := makeFstab(filepath.Dir(path)); err == nil {
		t.Error("a directory counts as the file")
	}
}

func TestFstabMayBeMissing(t *testing.T) {
	if entries, err := readFstab(filepath.Join(t.TempDir(), "fstab")); err != nil || entries != nil {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := readFstab(t.TempDir()); err == nil || !strings.Contains(err.Error(), "read the table of bricks") {
		t.Error(err)
	}
}

func FuzzParseFstab(f *testing.F) {
	f.Add(heketiLine)
	f.Add(`/dev/a\040b /bricks/c\134d\9 xfs`)
	f.Fuzz(func(t *testing.T, text string) {
		entries, _ := parseFstab(strings.NewReader(text))
		for _, e := range entries {
			if !filepath.IsAbs(e.point) || e.point == "/" || filepath.Clean(e.point) != e.point {
				t.Errorf("%+v", e)
			}
		}
	})
}
