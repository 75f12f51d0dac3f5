package provisioner_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// examined is a Heketi with volumes of ours, each with bricks on two nodes of which the second is away.
type examined struct {
	url   string
	asked atomic.Int64  // how often for an examination
	hold  chan struct{} // an examination ends when it is closed

	deleted sync.Map // ids of volumes that are gone since Heketi read its records
}

// Volumes that Heketi had in its records and gluster does not have.
const (
	lostID    = 0xa001 // Heketi still has it
	deletedID = 0xa002 // it was deleted through Heketi meanwhile
)

func newExamined(t *testing.T, volumes int) *examined {
	t.Helper()
	e := &examined{hold: make(chan struct{})}
	records, gluster := make([]string, 0, volumes+4), make([]string, 0, volumes)
	for i := range volumes {
		name := nameOf(i)
		records = append(records, fmt.Sprintf(`"%032x": {"Info": {"name": %q, "cluster": "c"}}`, i, name))
		gluster = append(gluster, fmt.Sprintf(`{"VolumeName": %q, "StatusStr": "Started", "ReplicaCount": 2, "Bricks": {"BrickList": [{"Name": "a:/b/%d/brick"}, {"Name": "b:/b/%d/brick"}]}}`, name, i, i))
	}
	for _, id := range []int{lostID, deletedID} { // gluster has neither
		records = append(records, fmt.Sprintf(`"%032x": {"Info": {"name": %q, "cluster": "c"}}`, id, nameOf(id)))
	}
	e.deleted.Store(fmt.Sprintf("%032x", deletedID), true)
	records = append(records,
		`"00000000000000000000000000001001": {"Info": {"name": "somebody-elses", "cluster": "c"}}`,
		fmt.Sprintf(`"00000000000000000000000000001002": {"Info": {"name": %q, "cluster": "c"}, "Pending": {"Id": "o"}}`, nameOf(1002)))
	examination := fmt.Sprintf(`{"heketidb": {
		"clusterentries": {"c": {"Info": {"nodes": ["n1", "n2"], "file": true}}}, "volumeentries": {%s},
		"nodeentries": {"n1": {"Info": {"hostnames": {"storage": ["a"]}}}, "n2": {"Info": {"hostnames": {"storage": ["b"]}}}}},
		"report": [], "clusters": [{"ClusterHeketiID": "c", "NodesData": [
		{"NodeHeketiID": "n1", "VolumeInfo": {"Volumes": {"VolumeList": [%s]}}, "BricksMountStatus": {"Statuses": null}}, {"NodeHeketiID": "n2"}]}]}`,
		strings.Join(records, ","), strings.Join(gluster, ","))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.Path, "/volumes/"); ok {
			if _, ok := e.deleted.Load(id); ok {
				http.Error(w, "Id not found", http.StatusNotFound)
				return
			}
			_, _ = fmt.Fprintf(w, `{"id": %q, "name": %q, "cluster": "c"}`, id, nameOf(0))
			return
		}
		e.asked.Add(1)
		<-e.hold
		_, _ = fmt.Fprint(w, examination)
	}))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *examined) provisioner(t *testing.T) *provisioner.Provisioner {
	t.Helper()
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: e.url}}}, timing())
	if err != nil {
		t.Fatal(err)
	}
	p := provisioner.New(backends)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
		backends.Close()
	})
	return p
}

func TestListHealth(t *testing.T) {
	e := newExamined(t, 5)
	close(e.hold)
	p := e.provisioner(t)
	var got []string
	after := ""
	for {
		page, more, err := p.ListHealth(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, health := range page {
			after = health.Handle.String()
			if health.Handle.ID == fmt.Sprintf("%032x", lostID) {
				if health.Conditions[0].Reason != "VolumeMissing" {
					t.Errorf("%s: %v", after, health.Conditions)
				}
				got = append(got, after)
				continue
			}
			if len(health.Conditions) != 1 || health.Conditions[0].Severity != volume.Degraded || !strings.Contains(health.Conditions[0].Message, "b:/b/") {
				t.Errorf("%s: %v", after, health.Conditions)
			}
			got = append(got, after)
		}
		if !more {
			break
		}
	}
	want := make([]string, 0, 5)
	for i := range 5 {
		want = append(want, fmt.Sprintf("main/%032x", i))
	}
	want = append(want, fmt.Sprintf("main/%032x", lostID))
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("volumes %v, want ours that are complete: %v", got, want)
	}
	health, err := p.Health(t.Context(), volume.Handle{Backend: "main", ID: strings.Repeat("0", 32)}, volume.Credentials{})
	if err != nil || len(health.Conditions) != 1 {
		t.Errorf("one of them: %v, %v", health, err)
	}
	if n := e.asked.Load(); n != 1 {
		t.Errorf("%d examinations for one list", n)
	}
}

// TestExaminationOutlivesItsCalls: a caller that does not wait long enough leaves what Heketi finds to the next one.
func TestExaminationOutlivesItsCalls(t *testing.T) {
	e := newExamined(t, 1)
	p := e.provisioner(t)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, _, err := p.ListHealth(ctx, "", 0)
		cancel()
		wantError(t, err, volume.ErrBusy)
	}
	close(e.hold)
	if health, _, err := p.ListHealth(t.Context(), "", 0); err != nil || len(health) != 2 {
		t.Errorf("%v, %v", health, err)
	}
	if n := e.asked.Load(); n != 1 {
		t.Errorf("%d examinations were under way", n)
	}
}
