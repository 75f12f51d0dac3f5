package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

func TestLayoutOfRefusesDirectoriesThatNeedCare(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"with space", "quo'te", "dollar$", strings.Repeat("long", 25)} {
		if _, err := layoutOf(filepath.Join(base, name)); err == nil {
			t.Errorf("lab directory %q was accepted", name)
		}
	}
}

// Processes are found by the directory's name, so the name must not depend on the path that was used.
func TestLayoutOfResolvesLinks(t *testing.T) {
	base := t.TempDir()
	if err := os.Symlink("real", filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	direct, err := layoutOf(filepath.Join(base, "real"))
	if err != nil {
		t.Fatal(err)
	}
	link, err := layoutOf(filepath.Join(base, "link"))
	if err != nil {
		t.Fatal(err)
	}
	if link != direct {
		t.Errorf("through a link the directory is %v, else %v", link, direct)
	}
}

func TestOpenAndDownWithoutALab(t *testing.T) {
	needs.Root(t, "Down looks at loop devices")
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Open says %v, want ErrNotRunning", err)
	}
	if err := Down(t.Context(), dir); err != nil {
		t.Errorf("Down of nothing: %v", err)
	}
}

func TestDownKeepsOutOfAnUp(t *testing.T) {
	needs.Root(t, "Down looks at loop devices")
	dir := t.TempDir()
	layout, err := layoutOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := Down(t.Context(), dir); err == nil {
		t.Error("Down ran while the directory was locked")
	}
	unlock()
	if err := Down(t.Context(), dir); err != nil {
		t.Errorf("Down after the lock was gone: %v", err)
	}
}
