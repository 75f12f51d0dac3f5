package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestRemoveAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	sealed := filepath.Join(dir, "kept", "sealed")
	if err := errors.Join(os.MkdirAll(sealed, 0o700), mount.Seal(sealed), removeAll(dir)); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}
