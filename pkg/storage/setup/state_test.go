package setup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

// TestFileOfAnEarlierRun: an interrupted pod runs again after another pod has finished the setup. Its file is older than the
// backup, whether or not the database's volume exists.
func TestFileOfAnEarlierRun(t *testing.T) {
	for name, exists := range map[string]bool{"with the volume": true, "without the volume": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.run("before POST /volumes"); err == nil {
				t.Fatal("the run was not killed")
			}
			stale, err := os.ReadFile(filepath.Join(w.dir, "heketi.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.run(""); err != nil {
				t.Fatal(err)
			}
			w.write(filepath.Join(w.dir, "heketi.db"), string(stale))
			w.stopHeketi()
			w.claims, w.gluster = nil, exists
			store := database.Store{Secrets: w.secret, Namespace: testNamespace, Name: database.SecretName}
			before, err := store.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !exists {
				if err := os.Remove(filepath.Join(w.volume, "heketi.db")); err != nil {
					t.Fatal(err)
				}
			}
			err = w.run("")
			if exists {
				if err != nil {
					t.Fatal(err)
				}
				w.check(3, 3)
			} else if err == nil {
				t.Error("no error of the volume that gluster lacks")
			}
			after, loadErr := store.Load(t.Context())
			if loadErr != nil || after.SHA256 != before.SHA256 && exists {
				t.Errorf("the backup was replaced by another one: %v", loadErr)
			}
		})
	}
}
