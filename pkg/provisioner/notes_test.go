package provisioner_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestNotesSayWhenTheDriverGaveUp: a note has the time at which the driver gave up on the request, not the time at which the
// request began, because Heketi may have received the request at any time in between.
func TestNotesSayWhenTheDriverGaveUp(t *testing.T) {
	for name, call := range map[string]func(p *provisioner.Provisioner, v volume.Volume) error{
		"create": func(p *provisioner.Provisioner, _ volume.Volume) error {
			_, err := p.Create(t.Context(), spec("pvc-2"))
			return err
		},
		"expand": func(p *provisioner.Provisioner, v volume.Volume) error {
			_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			v := f.create(t, spec("pvc-1"))
			_, firstErr := provisioner.OpenJournal(dir) // by an earlier process
			journal, err := provisioner.OpenJournal(dir)
			if err := errors.Join(firstErr, err); err != nil {
				t.Fatal(err)
			}
			target, err := url.Parse(f.server.URL)
			if err != nil {
				t.Fatal(err)
			}
			var arrived atomic.Int64
			proxy := httputil.NewSingleHostReverseProxy(target)
			gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					arrived.Store(time.Now().UnixNano())
					panic(http.ErrAbortHandler)
				}
				proxy.ServeHTTP(w, r)
			}))
			defer gateway.Close()
			p := f.configured(t, heketi.BackendConfig{Name: "main", URL: gateway.URL, KeyFile: f.keyFile}, timing(), provisioner.WithJournal(journal))
			if err := call(p, v); err == nil {
				t.Fatal("it has succeeded")
			}
			notes, err := filepath.Glob(filepath.Join(dir, "*.json"))
			if err != nil || len(notes) != 1 {
				t.Fatalf("notes %q, %v", notes, err)
			}
			var note struct {
				At time.Time `json:"at"`
			}
			content, err := os.ReadFile(notes[0])
			if err := errors.Join(err, json.Unmarshal(content, &note)); err != nil {
				t.Fatal(err)
			}
			if sent := time.Unix(0, arrived.Load()); note.At.Before(sent) {
				t.Errorf("the note is of %v, and the request was on its way at %v", note.At, sent)
			}
		})
	}
}
