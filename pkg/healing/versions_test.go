package healing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestChangedConfigMap: a file of a ConfigMap that was mounted inside a volume and has changed since is put back in its present
// version. A link that the kubelet did not make leads nowhere.
func TestChangedConfigMap(t *testing.T) {
	for link, want := range map[string]int{"..2026_2": 1, "": 0, "../..2026_2": 0, "..": 0, "..2026_2/..": 0, "elsewhere": 0, "..2026_3": 0} {
		t.Run(link, func(t *testing.T) {
			h, dir := newHealer(t), t.TempDir()
			staging, volumes, inner := filepath.Join(dir, "staging"), filepath.Join(dir, "volumes"), filepath.Join(dir, "staging/key")
			device := mountAt(t, staging, "server:/vol", "tmpfs", "")
			mountAt(t, volumes, "tmpfs", "tmpfs", "")
			write(t, staging, "key")
			write(t, volumes, "cm/..2026_1/key")
			pid := mounttest.Container(t, "private")
			mounttest.Inside(t, pid, func() error {
				return unix.Mount(filepath.Join(volumes, "cm/..2026_1/key"), inner, "", unix.MS_BIND, "")
			})
			snapshot := tables.Snapshot{VolumeID: "id", Client: "new", Device: device, Tables: h.scanOf(t, pid, device)}
			for _, name := range []string{"cm/..2026_2/key", "cm/elsewhere/key", "..2026_2/key", "key"} {
				write(t, volumes, name)
			}
			err := errors.Join(os.WriteFile(filepath.Join(volumes, "cm/..2026_2/key"), []byte("changed"), 0o600), os.RemoveAll(filepath.Join(volumes, "cm/..2026_1")))
			if link != "" {
				err = errors.Join(err, os.Symlink(link, filepath.Join(volumes, "cm/..data")))
			}
			if err != nil {
				t.Fatal(err)
			}
			mounttest.Inside(t, pid, func() error { return unix.Unmount(inner, unix.MNT_DETACH) })
			r := h.testRepairer(t, staging)
			if err := r.restore(snapshot, false); err != nil || r.outcome.Mounts != want || len(r.outcome.Lost) != 1-want || r.outcome.Pending != 0 {
				t.Errorf("%+v, %v", r.outcome, err)
			}
			mounttest.Inside(t, pid, func() error {
				if content, err := os.ReadFile(inner); (string(content) == "changed") != (want == 1) {
					t.Errorf("the container reads %q, %v", content, err)
				}
				return nil
			})
		})
	}
}
