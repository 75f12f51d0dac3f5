package teardown

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

// TestDamagedBackup: Heketi cannot read the backup. The message says how to get another one, and with Heketi's own database the
// next run succeeds.
func TestDamagedBackup(t *testing.T) {
	w := newWorld(t)
	w.stopHeketi()
	w.replicas = 0
	content, err := os.ReadFile(w.path("cluster.db"))
	if err != nil {
		t.Fatal(err)
	}
	const headers = 2 * 4096 // Heketi opens the file, since only the pages behind its headers are lost
	clear(content[headers:])
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	w.write(damaged, string(content))
	if _, err := database.MakeCopy(t.Context(), storagetest.File(damaged), w.program); !errors.Is(err, database.ErrUnreadable) || !strings.Contains(err.Error(), "panic: invalid page type") {
		t.Errorf("a new copy: %v", err)
	}
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	if _, err := packer.Write(content); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if err := packer.Close(); err != nil {
		t.Fatal(err)
	}
	backup := database.Copy{Packed: packed.Bytes(), SHA256: hex.EncodeToString(sum[:]), TakenAt: time.Now()}
	if err := w.store().Save(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	err = w.run("")
	if err == nil || errors.Is(err, ErrRefused) || !w.volumes[testVolume] {
		t.Errorf("%v", err)
	}
	for _, want := range []string{
		"step 3 of 6, start a temporary Heketi: Heketi cannot read the database: ", "panic: invalid page type", ". The backup in Secret storage/heketi-db-backup cannot be used. ",
		"start Heketi (kubectl -n storage scale statefulset/heketi --replicas=1)", "copy an older backup (Secrets heketi-db-backup-0, -1 ...)",
	} {
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	w.startHeketi()
	w.newPod()
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
}
