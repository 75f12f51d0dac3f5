package provisioner_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestPagesAreOfOneList: later pages show what the first page has read; after the last page the listing is discarded.
func TestPagesAreOfOneList(t *testing.T) {
	d := newDatabase(t)
	for id := 1; id <= 4; id++ {
		d.addOurs(id)
	}
	p := over(t, d)
	page := func(after, limit int) (handles []string, more bool) {
		t.Helper()
		token := ""
		if after > 0 {
			token = fmt.Sprintf("a/%032x", after)
		}
		volumes, more, err := p.List(t.Context(), token, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range volumes {
			handles = append(handles, short(v))
		}
		return handles, more
	}
	want := func(got []string, more bool, wanted string, wantMore bool) {
		t.Helper()
		if !slices.Equal(got, strings.Fields(wanted)) || more != wantMore {
			t.Errorf("%v, more: %t; want %s, %t", got, more, wanted, wantMore)
		}
	}
	got, more := page(0, 2)
	want(got, more, "a1 a2", true)
	got, more = page(0, 0) // another caller's list, which has no second page
	want(got, more, "a1 a2 a3 a4", false)
	d.remove(4)
	got, more = page(2, 1)
	want(got, more, "a3", true)
	got, more = page(3, 1)
	want(got, more, "a4", false) // as when the list began
	got, more = page(2, 2)
	want(got, more, "a3", false) // from a new listing
	// A list in one page leaves no listing behind.
	got, more = page(0, 0)
	want(got, more, "a1 a2 a3", false)
	d.addOurs(5)
	got, more = page(3, 1)
	want(got, more, "a5", false)
}

// TestEveryCallNeedsTheBackend: no call succeeds if the backend does not answer.
func TestEveryCallNeedsTheBackend(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	v := f.create(t, spec("pvc-1"))
	if _, _, err := f.provisioner.List(t.Context(), "", 0); err != nil { // the cache does not help
		t.Fatal(err)
	}
	capacity := volume.Capacity{RequiredBytes: 5 * volume.GiB}
	for name, call := range map[string]func() error{
		"create": func() error { _, err := f.provisioner.Create(t.Context(), spec("pvc-2")); return err },
		"delete": func() error { return f.provisioner.Delete(t.Context(), v.Handle, volume.Credentials{}) },
		"get":    func() error { _, err := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{}); return err },
		"expand": func() error {
			_, err := f.provisioner.Expand(t.Context(), v.Handle, capacity, volume.Credentials{})
			return err
		},
		"list": func() error { _, _, err := f.provisioner.List(t.Context(), "", 0); return err },
		"available": func() error {
			_, err := f.another(t, 8, timing()).Available(t.Context(), spec("pvc-1").Parameters)
			return err
		},
		"health":      func() error { _, err := f.provisioner.Health(t.Context(), v.Handle, volume.Credentials{}); return err },
		"list health": func() error { _, _, err := f.provisioner.ListHealth(t.Context(), "", 0); return err },
	} {
		lift := f.server.Inject(heketitest.Fault{Status: http.StatusInternalServerError, Body: "the sky falls"})
		err := call()
		lift()
		wantError(t, err, volume.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), "the sky falls") {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.wantVolumes(t, 1)
}

// TestWrongUser: Heketi's other user can begin an operation but not follow it.
func TestWrongUser(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	credentials := volume.Credentials{User: "user", Key: heketitest.DefaultKey}
	s := spec("pvc-2")
	s.Credentials = credentials
	_, createErr := f.provisioner.Create(t.Context(), s)
	_, getErr := f.provisioner.Get(t.Context(), v.Handle, credentials)
	_, expandErr := f.provisioner.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, credentials)
	_, healthErr := f.provisioner.Health(t.Context(), v.Handle, credentials)
	for _, err := range []error{createErr, getErr, expandErr, healthErr, f.provisioner.Delete(t.Context(), v.Handle, credentials)} {
		wantError(t, err, volume.ErrInvalid)
	}
	f.wantVolumes(t, 1)
}

// TestEveryCallNeedsTheAuthority: with a CA file that cannot be read, no call succeeds.
func TestEveryCallNeedsTheAuthority(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	p := f.configured(t, heketi.BackendConfig{Name: "main", URL: f.server.URL, KeyFile: f.keyFile, CAFile: "/nowhere/ca.crt"}, timing())
	before := f.server.Requests("")
	_, createErr := p.Create(t.Context(), spec("pvc-2"))
	_, getErr := p.Get(t.Context(), v.Handle, volume.Credentials{})
	_, expandErr := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	_, _, listErr := p.List(t.Context(), "", 0)
	_, availableErr := p.Available(t.Context(), spec("pvc-1").Parameters)
	_, healthErr := p.Health(t.Context(), v.Handle, volume.Credentials{})
	_, _, listHealthErr := p.ListHealth(t.Context(), "", 0)
	deleteErr := p.Delete(t.Context(), v.Handle, volume.Credentials{})
	for _, err := range []error{createErr, getErr, expandErr, listErr, availableErr, healthErr, listHealthErr, deleteErr} {
		wantError(t, err, volume.ErrUnavailable)
		says(t, err, "caFile cannot be read")
	}
	if n := f.server.Requests(""); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
}

// TestCallsAboutMissingVolumes: volumes that Heketi does not have, and one that is deleted while it is looked up.
func TestCallsAboutMissingVolumes(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	missing := volume.Handle{Backend: "main", ID: strings.Repeat("0", 32)}
	_, healthErr := f.provisioner.Health(t.Context(), missing, volume.Credentials{})
	_, expandErr := f.provisioner.Expand(t.Context(), missing, volume.Capacity{RequiredBytes: volume.GiB}, volume.Credentials{})
	_, getErr := f.provisioner.Get(t.Context(), missing, volume.Credentials{})
	for _, err := range []error{healthErr, expandErr, getErr} {
		wantError(t, err, volume.ErrNotFound)
	}
	// The dump still has the volume, which is then being removed.
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Status: http.StatusInternalServerError, Body: "Failed to allocate new volume: Volume name 'x' already in use"})
	f.server.Inject(heketitest.Fault{Prefix: "GET /volumes/" + v.Handle.ID, Times: 1, Status: http.StatusNotFound, Body: "Id not found"})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrBusy)
	// The name is in use, and the dump no longer has the volume.
	_, err = f.provisioner.Create(t.Context(), spec("pvc-2"))
	wantError(t, err, volume.ErrBusy)
}

// TestAdoptionHint: the message names the handle with which the driver would adopt the volume.
func TestAdoptionHint(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	id := f.server.AddVolume("web", cluster.ID, false)
	err := f.delete(t, volume.Handle{Backend: "main", ID: id})
	if err == nil || !strings.Contains(err.Error(), "the handle main/"+id+"/adopted would put that volume") {
		t.Errorf("%v", err)
	}
}
