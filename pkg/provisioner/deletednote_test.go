package provisioner

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestCreateDuringADelete: while a delete asks Heketi about an old create, another call sends a create of the same name. Its note
// stays, and the delete must not rely on the answer about the old one.
func TestCreateDuringADelete(t *testing.T) {
	server, dir := heketitest.New(t, heketitest.NewCluster()), t.TempDir()
	keyFile := filepath.Join(dir, "key")
	if err := writeFile(dir, keyFile, []byte(heketitest.DefaultKey)); err != nil {
		t.Fatal(err)
	}
	config := heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL, KeyFile: keyFile}}}
	backends, err := heketi.NewBackends(config, heketi.Timing{PollMin: time.Millisecond, PollMax: time.Millisecond, Exchange: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	client, err := backends.All()[0].Client(volume.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	j, x := openJournal(t, filepath.Join(dir, "journal")), newIndex("main", time.Minute)
	j.late = 0 // Heketi no longer begins the old create
	key := createKey("main", nameA)
	record := func() sent {
		t.Helper()
		if err := j.record(key, sent{Name: nameA}); err != nil {
			t.Fatal(err)
		}
		note, _ := j.createOf(key)
		return note.sent
	}
	record()
	answer, asked := make(chan struct{}), make(chan struct{})
	server.Inject(heketitest.Fault{Prefix: "GET /operations", Late: answer, Carried: asked})
	deleted := make(chan error, 1)
	go func() { deleted <- checkLateCreate(t.Context(), client, x, j, heketi.Volume{Name: nameA}) }()
	<-asked
	created := record()
	close(answer)
	if err := <-deleted; !errors.Is(err, volume.ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	again := openJournal(t, filepath.Join(dir, "journal"))
	for name, journal := range map[string]*Journal{"memory": j, "disk": again} {
		if note, ok := journal.createOf(key); !ok || !note.At.Equal(created.At) {
			t.Errorf("in %s: %+v, %t; want the note of the new create", name, note, ok)
		}
	}
}
