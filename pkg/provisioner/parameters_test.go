package provisioner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func withEverything(t *testing.T) volume.Spec {
	t.Helper()
	s := spec("pvc-1")
	var err error
	s.Parameters, err = volume.ParseParameters(map[string]string{
		"gidmin": "40000", "gidmax": "50000", "volumenameprefix": "dept", "snapfactor": "1.3",
		"volumeoptions": "client.ssl on, user.note a-b", "arbiter": "true",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCreateComparesEveryParameter(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*volume.Parameters)
		want   string // part of the message; "" is success
	}{
		"the same":                   {func(*volume.Parameters) {}, ""},
		"another readable name":      {func(p *volume.Parameters) { p.Naming = volume.Naming{} }, ""},
		"a wider range":              {func(p *volume.Parameters) { p.GIDs = volume.DefaultGIDRange() }, ""},
		"another range":              {func(p *volume.Parameters) { p.GIDs.Min = 40001 }, "group id is 40000"},
		"fewer options":              {func(p *volume.Parameters) { p.Options = p.Options[:1] }, ""},
		"another value of an option": {func(p *volume.Parameters) { p.Options[0].Value = "off" }, "client.ssl off"},
		"another order of options":   {func(p *volume.Parameters) { slices.Reverse(p.Options) }, ""},
		"another snapfactor":         {func(p *volume.Parameters) { p.SnapFactor = 2 }, "snapfactor is 1.3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, withEverything(t))
			if v.GID != 40000 || !strings.HasPrefix(v.Name, "dept_csi-") {
				t.Errorf("got %+v", v)
			}
			s := withEverything(t)
			tc.change(&s.Parameters)
			again, err := f.provisioner.Create(t.Context(), s)
			if tc.want == "" {
				if err != nil || again.Handle != v.Handle {
					t.Errorf("got %v, %v; want %v", again.Handle, err, v.Handle)
				}
			} else {
				wantError(t, err, volume.ErrIncompatible)
				says(t, err, tc.want)
			}
			f.wantVolumes(t, 1)
		})
	}
}

// TestAnotherDatabase: a Heketi that never had our volumes does not make a delete succeed.
func TestAnotherDatabase(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.ReplaceDatabase(heketitest.NewCluster())
	_, createErr := f.provisioner.Create(t.Context(), spec("pvc-2"))
	_, getErr := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{})
	_, expandErr := f.expand(t, v.Handle, 5)
	_, _, listErr := f.provisioner.List(t.Context(), "", 0)
	_, spaceErr := f.provisioner.Available(t.Context(), spec("pvc-2").Parameters)
	for _, err := range []error{f.delete(t, v.Handle), createErr, getErr, expandErr, listErr, spaceErr} {
		wantError(t, err, volume.ErrUnavailable)
		says(t, err, "none of the clusters that it had before")
	}
	f.wantVolumes(t, 0)
}

type events chan string

func (e events) Operation(string) func() { return func() {} }
func (e events) Existing(backend string) { e <- "existing " + backend }
func (e events) Joined(kind string)      { e <- "joined " + kind }

func TestObserver(t *testing.T) {
	f := start(t)
	seen := make(events, 8)
	p := f.another(t, 8, heketi.DefaultTiming(), provisioner.WithObserver(seen))
	f.server.Hold()
	first := background(t.Context(), p, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	second := background(t.Context(), p, spec("pvc-1"))
	if e := <-seen; e != "joined create" {
		t.Errorf("seen: %s", e)
	}
	f.server.Release()
	<-first
	<-second
	if _, err := p.Create(t.Context(), spec("pvc-1")); err != nil {
		t.Fatal(err)
	}
	if e := <-seen; e != "existing main" {
		t.Errorf("seen: %s", e)
	}
}
