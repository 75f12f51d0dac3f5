package provisioner_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestAvailable(t *testing.T) {
	d := newDatabase(t)
	second := strings.Repeat("d", 32)
	d.db["clusterentries"][second] = object{"Info": object{"nodes": []string{"m1", "m2"}, "file": true}}
	for _, node := range []string{"m1", "m2"} {
		d.db["nodeentries"][node] = object{"State": "online"}
		d.db["deviceentries"]["d"+node] = object{"State": "online", "NodeId": node, "ExtentSize": 4096, "Info": object{"storage": object{"free": 10 << 20}}}
	}
	p := over(t, d)
	tests := []struct {
		name           string
		parameters     map[string]string
		largest, total int64 // GiB
		least          int64
	}{
		// 99 GiB and their metadata fit on 100 GiB, and 9 GiB on 10 GiB. The figures are upper bounds: of two copies of 149 GiB on three
		// disks, Heketi would have to make several bricks of the right sizes.
		{name: "three nodes", largest: 99, total: 99, least: 1},
		{name: "two copies", parameters: map[string]string{"volumetype": "replicate:2"}, largest: 149, total: 149 + 9, least: 1},
		{name: "small cluster", parameters: map[string]string{"volumetype": "replicate:2", "clusterid": second}, largest: 9, total: 9, least: 1},
		{name: "both clusters", parameters: map[string]string{"volumetype": "replicate:2", "clusterid": second + "," + clusterID}, largest: 149, total: 149 + 9, least: 1},
		{name: "snapshots", parameters: map[string]string{"snapfactor": "2"}, largest: 49, total: 49, least: 1},
		{name: "dispersed", parameters: map[string]string{"volumetype": "disperse:2:1"}, largest: 198, total: 198, least: 2},
		{name: "arbiter", parameters: map[string]string{"arbiter": "true"}, largest: 149, total: 149, least: 1},
		{name: "too few nodes", parameters: map[string]string{"volumetype": "disperse:4:2"}, least: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Available(t.Context(), parse(t, tt.parameters))
			if err != nil {
				t.Fatal(err)
			}
			want := volume.Space{Largest: tt.largest * volume.GiB, Total: tt.total * volume.GiB, Least: tt.least * volume.GiB}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}

	_, err := p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability(), Clusters: []string{strings.Repeat("0", 32)}})
	wantError(t, err, volume.ErrInvalid)
	_, err = p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability(), Backend: "zzz"})
	wantError(t, err, volume.ErrInvalid)
	d.replace(nil)
	_, err = p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability()})
	wantError(t, err, volume.ErrUnavailable)
}

// halve halves the free space of all disks.
func (d *database) halve() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, device := range d.db["deviceentries"] {
		free := device.(object)["Info"].(object)["storage"].(object)
		free["free"] = free["free"].(int) / 2
	}
}

// TestAvailableOfOneVolume: however much space there is, CreateVolume refuses volumes above volume.MaxGiB.
func TestAvailableOfOneVolume(t *testing.T) {
	d := newDatabase(t)
	for _, device := range d.db["deviceentries"] {
		device.(object)["Info"].(object)["storage"].(object)["free"] = 3 << 40 // 3 PiB
	}
	space, err := over(t, d).Available(t.Context(), parse(t, nil))
	if err != nil || space.Largest != volume.MaxGiB*volume.GiB || space.Total <= space.Largest {
		t.Errorf("%+v, %v; want %d GiB in one volume and more in all", space, err, volume.MaxGiB)
	}
}

// TestAvailableOfARound: one dump of a backend's database serves all classes of a round, but no later round.
func TestAvailableOfARound(t *testing.T) {
	a, b := newDatabase(t), newDatabase(t)
	p := over(t, a, b)
	var round time.Time
	for _, step := range []struct {
		name     string
		newRound bool
		class    map[string]string
		largest  int64 // GiB
		ofA, ofB int   // dumps in all
		after    func()
	}{
		{"the first class", true, map[string]string{"backend": "a"}, 99, 1, 0, nil},
		{"another one", false, map[string]string{"backend": "a", "volumetype": "disperse:2:1"}, 198, 1, 0, nil},
		{"one of another backend", false, map[string]string{"backend": "b"}, 99, 1, 1, a.halve},
		{"after a change", false, map[string]string{"backend": "a"}, 99, 1, 1, nil},
		{"the next round", true, map[string]string{"backend": "a"}, 49, 2, 1, a.halve},
		{"and the one after it", true, map[string]string{"backend": "a"}, 24, 3, 1, a.halve},
	} {
		if step.newRound {
			round = time.Now()
		}
		space, err := p.AvailableSince(t.Context(), parse(t, step.class), round)
		ofA, _ := a.asked()
		ofB, _ := b.asked()
		if err != nil || space.Largest != step.largest*volume.GiB || ofA != step.ofA || ofB != step.ofB {
			t.Errorf("%s: %+v, %v after %d and %d dumps, want %d GiB after %d and %d", step.name, space, err, ofA, ofB, step.largest, step.ofA, step.ofB)
		}
		if step.after != nil {
			step.after()
		}
	}
	// A single call, as GetCapacity makes it, may follow a create or a delete.
	if space, err := p.Available(t.Context(), parse(t, map[string]string{"backend": "a"})); err != nil || space.Largest != 12*volume.GiB {
		t.Errorf("%+v, %v, want what there is now, 12 GiB", space, err)
	}
}

// late delays the answer to the next dump; reading receives when Heketi has written the dump.
func (f *fixture) late(t *testing.T) (reading <-chan struct{}, answer func()) {
	t.Helper()
	release, carried := make(chan struct{}), make(chan struct{}, 1)
	f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Times: 1, Late: release, Carried: carried})
	answer = sync.OnceFunc(func() { close(release) })
	t.Cleanup(answer)
	return carried, answer
}

// TestAvailableAtTheSameTime: a reading that began before is too old; of the callers that need a newer one, one reads.
func TestAvailableAtTheSameTime(t *testing.T) {
	f := start(t)
	reading, answer := f.late(t)
	var group errgroup.Group
	group.Go(func() error {
		_, err := f.provisioner.Available(t.Context(), spec("pvc-1").Parameters)
		return err
	})
	<-reading
	since := time.Now()
	for range 8 {
		group.Go(func() error {
			_, err := f.provisioner.AvailableSince(t.Context(), spec("pvc-1").Parameters, since)
			return err
		})
	}
	answer()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if n := f.server.Requests("GET /db/dump"); n != 2 {
		t.Errorf("the database was read %d times, want 2", n)
	}
}

// TestCreateWhileCapacityIsRead: a create that needs no newer dump does not wait for a caller that does.
func TestCreateWhileCapacityIsRead(t *testing.T) {
	f := start(t)
	f.create(t, spec("pvc-1"))
	reading, answer := f.late(t)
	ended := make(chan error, 1)
	go func() {
		_, err := f.provisioner.Available(t.Context(), spec("pvc-1").Parameters)
		ended <- err
	}()
	select {
	case <-reading:
	case err := <-ended:
		t.Fatalf("it has not waited for Heketi: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := f.provisioner.Create(ctx, spec("pvc-2")); err != nil {
		t.Error(err)
	}
	answer()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCreateSaysWhatFitsByItsOwnKey: the figures are read with the key of the class's Secret if the backend has no key.
func TestCreateSaysWhatFitsByItsOwnKey(t *testing.T) {
	cluster := heketitest.NewCluster()
	cluster.FreeGiB = 16
	f := start(t, cluster)
	target, err := url.Parse(f.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	disks := httputil.NewSingleHostReverseProxy(target)
	disks.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Path == "/db/dump" && r.StatusCode == http.StatusOK {
			body := records(t, cluster.ID, true, []int{10}, []int{10}, []int{10})
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
		}
		return nil
	}
	front := httptest.NewServer(disks)
	defer front.Close()
	p := f.configured(t, heketi.BackendConfig{Name: "main", URL: front.URL}, timing())
	s := spec("pvc-1")
	s.Capacity.RequiredBytes = 20 * volume.GiB
	s.Credentials.Key = heketitest.DefaultKey
	_, err = p.Create(t.Context(), s)
	wantError(t, err, volume.ErrExhausted)
	says(t, err, "the largest volume of type replicate:3 for which there is room has 9 GiB")
}

func TestCreateSaysWhatFits(t *testing.T) {
	d := newDatabase(t)                                                                                          // 99 GiB fit, and 198 GiB of type disperse:2:1
	d.db["clusterentries"][strings.Repeat("d", 32)] = object{"Info": object{"nodes": []string{}, "block": true}} // a cluster that the message leaves out
	target, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	others := httputil.NewSingleHostReverseProxy(target)
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Error(w, "Failed to allocate new volume: No space", http.StatusInternalServerError)
			return
		}
		others.ServeHTTP(w, r)
	}))
	defer full.Close()
	d.url = full.URL
	p := over(t, d)
	for _, tt := range []struct {
		name       string
		volumeType string
		size       int64 // GiB
		says       string
	}{
		{"too large", "replicate:3", 100, "; the largest volume of type replicate:3 for which there is room has 99 GiB"},
		{"too large and dispersed", "disperse:2:1", 199, "; the largest volume of type disperse:2:1 for which there is room has 198 GiB"},
		{"too few nodes", "disperse:4:2", 4, "; there is no room for a volume of type disperse:4:2 of any size: it needs 6 nodes, and cluster " + clusterID +
			" has 3 with an online disk that may be used for it"},
		{"there should be room", "replicate:3", 99, "or delete volumes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parameters := parse(t, map[string]string{"volumetype": tt.volumeType})
			_, err := p.Create(t.Context(), volume.Spec{Name: "pvc-1", Capacity: volume.Capacity{RequiredBytes: tt.size * volume.GiB}, Parameters: parameters})
			wantError(t, err, volume.ErrExhausted)
			if !strings.HasSuffix(err.Error(), tt.says) {
				t.Errorf("%v: want %q at the end", err, tt.says)
			}
		})
	}
}
