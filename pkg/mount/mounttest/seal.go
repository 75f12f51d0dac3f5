package mounttest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// Seal seals a directory until the test ends. It skips the test if the file system does not support that.
func Seal(tb testing.TB, path string) {
	tb.Helper()
	if err := mount.Seal(path); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = mount.Unseal(path) })
	if err := os.Mkdir(filepath.Join(path, "x"), 0o700); !errors.Is(err, unix.EPERM) {
		needs.Missing(tb, "needs a file system with immutable directories for temporary files")
	}
}
