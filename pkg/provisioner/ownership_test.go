package provisioner_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// installation returns one of several provisioners over the same Heketi, each with its own settings of the backend.
func (f *fixture) installation(t *testing.T, adopt bool, prefix string) *provisioner.Provisioner {
	t.Helper()
	return f.configured(t, heketi.BackendConfig{
		Name: "main", URL: f.server.URL, KeyFile: f.keyFile, Adopt: &adopt, VolumeNamePrefix: prefix,
	}, timing())
}

// TestPersistentVolumesOfAnAttacker: a PersistentVolume that names a foreign volume deletes or expands nothing, unless the
// administrator has allowed adoption.
func TestPersistentVolumesOfAnAttacker(t *testing.T) {
	ours := volume.GlusterName("pvc-1", volume.Naming{Prefix: "team-a", PVCNamespace: "shop", PVCName: "db"})
	const inTree = "vol_0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		test, prefix, name string
		adopt, adopted     bool
		refused            string // what the error names; "": the volume is deleted
	}{
		{test: "an adopted volume", name: inTree, adopt: true, adopted: true},
		{test: "adopt: false", name: inTree, adopted: true, refused: "adopt: false"},
		{test: "adopt: false, a volume that the driver made", name: ours, adopted: true, refused: "adopt: false"},
		{test: "adopt: false, its own handle", name: ours},
		{test: "the own prefix", prefix: "team-a", name: ours, adopt: true},
		{test: "another prefix", prefix: "team-b", name: ours, adopt: true, refused: `"team-b_csi-"`},
		{test: "another prefix, adopted", prefix: "team-b", name: ours, adopt: true, adopted: true, refused: `"team-b_csi-"`},
		{test: "the beginning of another prefix", prefix: "team", name: ours, adopt: true, refused: `"team_csi-"`},
		{test: "more than another prefix", prefix: "team-a-2", name: ours, adopt: true, refused: `"team-a-2_csi-"`},
		{test: "no prefix", prefix: "team-a", name: glusterName(), adopt: true, refused: `"team-a_csi-"`},
		{test: "a prefix, and a volume of the in-tree plugin", prefix: "team-a", name: inTree, adopt: true, adopted: true},
		{test: "a name that looks like the prefix", prefix: "team-a", name: "team-a_csi-web", adopt: true, refused: "is not one"},
	} {
		t.Run(tt.test, func(t *testing.T) {
			cluster := heketitest.NewCluster()
			f := start(t, cluster)
			id := f.server.AddVolume(tt.name, cluster.ID, false)
			size := f.server.Size(id)
			p := f.installation(t, tt.adopt, tt.prefix)
			handle := volume.Handle{Backend: "main", ID: id, Adopted: tt.adopted}

			_, expandErr := p.Expand(t.Context(), handle, volume.Capacity{RequiredBytes: int64(size+2) * volume.GiB}, volume.Credentials{})
			if tt.refused == "" && (expandErr != nil || f.server.Size(id) != size+2) {
				t.Errorf("expand: %v, %d GiB", expandErr, f.server.Size(id))
			}
			deleteErr := p.Delete(t.Context(), handle, volume.Credentials{})
			if tt.refused == "" {
				if deleteErr != nil {
					t.Errorf("delete: %v", deleteErr)
				}
				f.wantVolumes(t, 0)
				return
			}
			for _, err := range []error{expandErr, deleteErr} {
				wantError(t, err, volume.ErrInvalid)
				field, ok := errors.AsType[*volume.FieldError](err)
				if !ok || field.Field != "volume_id" || field.Value != handle.String() || !strings.Contains(field.Allowed, tt.refused) {
					t.Errorf("%v; want the field, the handle and %s", err, tt.refused)
				}
			}
			if n := f.server.Requests("DELETE") + f.server.Requests("POST"); n != 0 || f.server.Size(id) != size {
				t.Errorf("%d changes were sent; the volume has %d GiB, and had %d", n, f.server.Size(id), size)
			}
			f.wantVolumes(t, 1)
		})
	}
}

// TestInstallationPrefix: an installation can delete the volumes that it makes.
func TestInstallationPrefix(t *testing.T) {
	for _, tt := range []struct {
		class string
		want  error
	}{{"", nil}, {"team-a", nil}, {"team-b", volume.ErrInvalid}, {"team", volume.ErrInvalid}} {
		f := start(t)
		p := f.installation(t, false, "team-a")
		s := spec("pvc-1")
		s.Parameters.Naming.Prefix = tt.class
		v, err := p.Create(t.Context(), s)
		wantError(t, err, tt.want)
		if tt.want != nil {
			if !strings.Contains(err.Error(), "volumenameprefix") || !strings.Contains(err.Error(), `must be "team-a"`) {
				t.Errorf("prefix %q: %v", tt.class, err)
			}
			f.wantVolumes(t, 0)
			continue
		}
		if !strings.HasPrefix(v.Name, "team-a_csi-") {
			t.Errorf("prefix %q: volume %s", tt.class, v.Name)
		}
		if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
			t.Error(err)
		}
	}
}

// TestInstallationsWithOneName: two installations with different prefixes get a volume each for one CSI name.
func TestInstallationsWithOneName(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	foreign := f.server.AddVolumeOf(2000, volume.GlusterName("pvc-1", volume.Naming{Prefix: "team-a"}), cluster.ID)
	p := f.installation(t, true, "team-b")
	v, err := p.Create(t.Context(), spec("pvc-1"))
	if err != nil || v.Handle.ID == foreign || !strings.HasPrefix(v.Name, "team-b_csi-") || v.GID == 2000 {
		t.Fatalf("%+v, %v", v, err)
	}
	again, err := p.Create(t.Context(), spec("pvc-1"))
	if err != nil || again.Handle != v.Handle {
		t.Errorf("%+v, %v", again, err)
	}
	wantRefused(t, p, "pvc-1", false, v.Name)
	if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, p, "pvc-1", true)
	f.wantVolumes(t, 1)
}

// TestPrefixIsSetDuringACreate: the volume of an unanswered create does not have the prefix that the backend has been given since.
func TestPrefixIsSetDuringACreate(t *testing.T) {
	for name, late := range map[string]time.Duration{"may be late": 30 * time.Second, "overdue": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			f, dir, timing := start(t), t.TempDir(), timing()
			timing.Late = late
			arrive, carried := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: arrive, Carried: carried})
			_, err := f.withJournal(t, dir, timing).Create(t.Context(), spec("pvc-1"))
			wantError(t, err, volume.ErrUnavailable)
			close(arrive)
			<-carried
			journal, err := provisioner.OpenJournal(dir)
			if err != nil {
				t.Fatal(err)
			}
			prefixed := f.configured(t, heketi.BackendConfig{Name: "main", URL: f.server.URL, KeyFile: f.keyFile, VolumeNamePrefix: "team-a"},
				timing, provisioner.WithJournal(journal))
			time.Sleep(2 * time.Millisecond)
			for range 2 {
				if v, err := prefixed.Create(t.Context(), spec("pvc-1")); err != nil || v.Name != glusterName() {
					t.Errorf("%+v, %v; want the volume of the first create", v, err)
				}
			}
			f.wantVolumes(t, 1)
		})
	}
}

// TestAdoptedVolumeThatIsGone: the PersistentVolume of a volume that is gone can be deleted under any settings.
func TestAdoptedVolumeThatIsGone(t *testing.T) {
	f := start(t)
	handle := volume.Handle{Backend: "main", ID: strings.Repeat("0", 32), Adopted: true}
	if err := f.installation(t, false, "team-a").Delete(t.Context(), handle, volume.Credentials{}); err != nil {
		t.Error(err)
	}
}
