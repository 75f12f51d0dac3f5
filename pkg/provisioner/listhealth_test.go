package provisioner_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// examined is a Heketi with volumes of this driver and of others, each with bricks on two nodes, of which the second is down.
type examined struct {
	url   string
	asked atomic.Int64  // number of requests for an examination
	hold  chan struct{} // an examination ends when hold is closed

	deleted sync.Map // ids of volumes that were deleted after Heketi read its records
}

// Volumes that are in Heketi's records and that gluster does not have.
const (
	lostID    = 0xa001 // Heketi still has it
	deletedID = 0xa002 // it was deleted through Heketi meanwhile
)

// Volumes that this driver did not make and that may have been adopted, and one that Heketi has not completed.
const (
	foreignID = 0x1001
	pendingID = 0x1002
)

// healthyID is a volume whose only brick is on the first node.
const healthyID = 0x1003

func newExamined(t *testing.T, volumes int) *examined {
	t.Helper()
	e := &examined{hold: make(chan struct{})}
	records, gluster := make([]string, 0, volumes+4), make([]string, 0, volumes+1)
	record := func(id int, name, more string) {
		records = append(records, fmt.Sprintf(`"%032x": {"Info": {"name": %q, "cluster": "c"}%s}`, id, name, more))
	}
	inGluster := func(name string, hosts ...string) {
		bricks := make([]string, 0, len(hosts))
		for _, host := range hosts {
			bricks = append(bricks, fmt.Sprintf(`{"Name": "%s:/b/brick"}`, host))
		}
		gluster = append(gluster, fmt.Sprintf(`{"VolumeName": %q, "StatusStr": "Started", "ReplicaCount": %d, "Bricks": {"BrickList": [%s]}}`,
			name, len(hosts), strings.Join(bricks, ",")))
	}
	for i := range volumes {
		record(i, nameOf(i), "")
		inGluster(nameOf(i), "a", "b")
	}
	record(foreignID, "made-by-hand", "")
	inGluster("made-by-hand", "a", "b")
	record(healthyID, nameOf(healthyID), "")
	inGluster(nameOf(healthyID), "a")
	for _, id := range []int{lostID, deletedID} { // gluster has neither
		record(id, nameOf(id), "")
	}
	e.deleted.Store(fmt.Sprintf("%032x", deletedID), true)
	record(pendingID, nameOf(pendingID), `, "Pending": {"Id": "o"}`)
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
			n, _ := strconv.ParseInt(id, 16, 64)
			_, _ = fmt.Fprintf(w, `{"id": %q, "name": %q, "cluster": "c"}`, id, nameOf(int(n)))
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
		page, more, err := p.ListHealth(t.Context(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, health := range page {
			after = health.Handle.String()
			got = append(got, after)
			want := volume.Condition{Severity: volume.Degraded, Reason: volume.ReasonBricksDown}
			if health.Handle.ID == fmt.Sprintf("%032x", lostID) {
				want = volume.Condition{Severity: volume.Inaccessible, Reason: "VolumeMissing"}
			}
			if len(health.Conditions) != 1 || health.Conditions[0].Severity != want.Severity || health.Conditions[0].Reason != want.Reason {
				t.Errorf("%s: %v, want %v", after, health.Conditions, want)
			}
		}
		if !more {
			break
		}
	}
	sick := []int{0, 1, 2, 3, 4, foreignID, lostID}
	want := make([]string, 0, 2*len(sick))
	for _, id := range sick { // under both handles
		want = append(want, fmt.Sprintf("main/%032x", id), fmt.Sprintf("main/%032x/adopted", id))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("volumes %v, want those that are complete: %v", got, want)
	}
	health, err := p.Health(t.Context(), volume.Handle{Backend: "main", ID: strings.Repeat("0", 32)}, volume.Credentials{})
	if err != nil || len(health.Conditions) != 1 {
		t.Errorf("one of them: %v, %v", health, err)
	}
	// Heketi has completed this one since it was examined.
	health, err = p.Health(t.Context(), volume.Handle{Backend: "main", ID: fmt.Sprintf("%032x", pendingID)}, volume.Credentials{})
	if err != nil || len(health.Conditions) != 0 {
		t.Errorf("a volume that was pending: %v, %v", health, err)
	}
	if n := e.asked.Load(); n != 1 {
		t.Errorf("%d examinations for one list", n)
	}
}

// TestExaminationOutlivesItsCalls: if a caller does not wait long enough, the next caller gets the result.
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
	if health, _, err := p.ListHealth(t.Context(), "", 0); err != nil || len(health) != 6 {
		t.Errorf("%v, %v", health, err)
	}
	if n := e.asked.Load(); n != 1 {
		t.Errorf("%d examinations were under way", n)
	}
}
