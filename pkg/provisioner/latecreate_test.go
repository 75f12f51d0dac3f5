package provisioner_test

import (
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestCreateThatArrivesLate: as long as a create may still arrive in its cluster, none is sent to another cluster, where Heketi
// would make a second volume of the same name.
func TestCreateThatArrivesLate(t *testing.T) {
	for _, tc := range []struct {
		name    string
		restart bool // of the driver, while the request is on its way
	}{{"to the same driver", false}, {"after a restart", true}} {
		t.Run(tc.name, func(t *testing.T) {
			first, second := heketitest.NewCluster(), heketitest.NewCluster()
			first.FreeGiB = 2
			f, dir := start(t, first, second), t.TempDir()
			p := f.withJournal(t, dir, timing())
			s := spec("pvc-1")
			s.Parameters.Clusters = []string{first.ID, second.ID}
			release, carried := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
			_, err := p.Create(t.Context(), s)
			wantError(t, err, volume.ErrUnavailable)

			// Another volume takes the room of the first cluster, so that it refuses.
			other := spec("pvc-2")
			other.Parameters.Clusters = []string{first.ID}
			taken, err := p.Create(t.Context(), other)
			if err != nil {
				t.Fatal(err)
			}
			if tc.restart {
				p = f.withJournal(t, dir, timing())
			}
			_, err = p.Create(t.Context(), s)
			wantError(t, err, volume.ErrUnavailable)
			says(t, err, "No space", "may still be carried out until")
			f.wantVolumes(t, 1)
			elsewhere := s
			elsewhere.Parameters.Clusters = []string{second.ID}
			_, err = p.Create(t.Context(), elsewhere)
			wantError(t, err, volume.ErrBusy)
			f.wantVolumes(t, 1)

			if err := p.Delete(t.Context(), taken.Handle, volume.Credentials{}); err != nil {
				t.Fatal(err)
			}
			third := spec("pvc-3")
			third.Parameters.Clusters = []string{second.ID}
			if v, err := p.Create(t.Context(), third); err != nil || v.GID == 2000 {
				t.Errorf("group id %d, %v; want another one than that of the late create", v.GID, err)
			}
			close(release)
			<-carried
			made, err := p.Create(t.Context(), s)
			if err != nil || made.Cluster != first.ID {
				t.Errorf("cluster %s, %v; want the volume of the late create", made.Cluster, err)
			}
			f.wantVolumes(t, 2)
		})
	}
}

// TestDeleteAfterALostAnswer: a create whose volume is found has been carried out, so that the volume may be deleted at once,
// even after a restart of the driver.
func TestDeleteAfterALostAnswer(t *testing.T) {
	for name, restart := range map[string]bool{"same driver": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			p := f.withJournal(t, dir, timing())
			if restart {
				answer, carried := make(chan struct{}), make(chan struct{})
				f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Late: answer, Carried: carried})
				killed := background(t.Context(), p, spec("pvc-1"))
				<-carried
				p = f.withJournal(t, dir, timing())
				defer func() {
					close(answer)
					<-killed
				}()
			} else {
				f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Drop: true, After: true})
			}
			v, err := p.Create(t.Context(), spec("pvc-1"))
			if err != nil {
				t.Fatal(err)
			}
			wantNoNotes(t, dir)
			if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
				t.Error(err)
			}
			f.wantVolumes(t, 0)
		})
	}
}
