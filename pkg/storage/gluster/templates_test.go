package gluster

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	hooks "github.com/glusterfs-csi/glusterfs-csi/deploy/gluster"
)

// writeTree creates files; names that end in / are directories.
func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		directory := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			directory = path
		}
		if err := os.MkdirAll(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		if directory == path {
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tree returns a directory's files in the form that writeTree takes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case entry.IsDir():
			files[name+"/"] = ""
		case entry.Type() == fs.ModeSymlink:
			files[name], err = os.Readlink(path)
		default:
			var data []byte
			data, err = os.ReadFile(path)
			files[name] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCopyMissing(t *testing.T) {
	template := Template{From: t.TempDir(), To: t.TempDir()}
	writeTree(t, template.From, map[string]string{"glusterd.vol": "new", "hooks/1/start/S29.sh": "new", "groups/virt": "new", identity: "UUID=0", "empty/": ""})
	if err := os.Chmod(filepath.Join(template.From, "hooks/1/start/S29.sh"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("virt", filepath.Join(template.From, "groups/link")); err != nil {
		t.Fatal(err)
	}
	writeTree(t, template.To, map[string]string{"glusterd.vol": "edited", "vols/v/info": "state", "groups/": ""})

	copied, err := template.copyMissing()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"glusterd.vol": "edited", "vols/": "", "vols/v/": "", "vols/v/info": "state", "groups/": "", "groups/virt": "new", "groups/link": "virt",
		"hooks/": "", "hooks/1/": "", "hooks/1/start/": "", "hooks/1/start/S29.sh": "new", "empty/": "",
	}
	if diff := cmp.Diff(want, tree(t, template.To)); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(template.To, "hooks/1/start/S29.sh")); err != nil || info.Mode() != 0o750 {
		t.Errorf("%v, %v", info, err)
	}
	if copied != 7 {
		t.Errorf("copied %d", copied)
	}
	if again, err := template.copyMissing(); err != nil || again != 0 {
		t.Errorf("the second time: %d, %v", again, err)
	}
}

// TestHookIsRenewed: this project's hook becomes that of the image. The administrator's files beside it stay.
func TestHookIsRenewed(t *testing.T) {
	template := Template{From: t.TempDir(), To: t.TempDir()}
	dir := "hooks/1/add-brick/pre/"
	hook := dir + hooks.KeepDirectoriesName
	writeTree(t, template.From, map[string]string{hook: "mended", dir + "S28other.sh": "new"})
	if err := os.Chmod(filepath.Join(template.From, hook), 0o755); err != nil {
		t.Fatal(err)
	}
	writeTree(t, template.To, map[string]string{hook: "as it was", dir + "S28other.sh": "edited"})
	if err := os.Chmod(filepath.Join(template.To, hook), 0o600); err != nil {
		t.Fatal(err)
	}
	for renewed := 1; renewed >= 0; renewed-- {
		if n, err := template.copyMissing(); err != nil || n != renewed {
			t.Errorf("%d files, %v, want %d", n, err, renewed)
		}
		want := map[string]string{"hooks/": "", "hooks/1/": "", "hooks/1/add-brick/": "", dir: "", hook: "mended", dir + "S28other.sh": "edited"}
		if diff := cmp.Diff(want, tree(t, template.To)); diff != "" {
			t.Error(diff)
		}
		if info, err := os.Stat(filepath.Join(template.To, hook)); err != nil || info.Mode() != 0o755 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

// TestCopyGoesOn: a file that cannot be copied does not prevent other copies, and no partial file is left.
func TestCopyGoesOn(t *testing.T) {
	template := Template{From: t.TempDir(), To: t.TempDir()}
	writeTree(t, template.From, map[string]string{"a/file": "new", "b/file": "new", "c": "new"})
	writeTree(t, template.To, map[string]string{"a": "a file, where a directory belongs"})
	copied, err := template.copyMissing()
	if err == nil || !strings.Contains(err.Error(), "copy "+template.From+" to "+template.To) || copied != 3 {
		t.Errorf("%d, %v", copied, err)
	}
	got := tree(t, template.To)
	if _, there := got["a"]; !there || !slices.Equal([]string{got["b/file"], got["c"]}, []string{"new", "new"}) || len(got) != 4 {
		t.Errorf("%v", got)
	}
	if _, err := (Template{From: filepath.Join(template.From, "missing"), To: template.To}).copyMissing(); err == nil {
		t.Error("templates that are not there")
	}
}
