package fusequery

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestAskMeta: .meta is read through a descriptor, which may be closed meanwhile.
func TestAskMeta(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, graph, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("a/type", "protocol/client\n")
	write("a/private", "connected = 1\n")
	dir, err := os.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := askMeta(dir, readHealth); err != nil || got.Bricks != 1 || got.Lost || len(got.Down) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	write("a/private", "connected = 0\n") // without the brick's address
	if got, err := askMeta(dir, readHealth); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an incomplete report: %+v, %v", got, err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := askMeta(dir, readHealth); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("closed: %+v, %v", got, err)
	}
	if got, err := askMeta(nil, readHealth); err == nil {
		t.Errorf("none: %+v", got)
	}
	if _, err := openMeta(filepath.Join(root, "missing"), ".meta", mount.Device{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such path: %v", err)
	}
}
