package provisioner_test

import (
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// twoCreates sends creates of pvc-1. One of them is not answered and is carried out late, and another one makes the volume.
type twoCreates struct {
	*fixture
	p        *provisioner.Provisioner
	released chan struct{} // lets the unanswered create arrive
	carried  chan struct{}
}

// unknown sends a create under the fault, and keeps the driver from looking for the volume.
func (c *twoCreates) unknown(t *testing.T, fault heketitest.Fault) {
	t.Helper()
	c.server.Inject(fault)
	lift := c.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Drop: true})
	defer lift()
	_, err := c.p.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
}

func (c *twoCreates) unanswered(t *testing.T) {
	t.Helper()
	c.unknown(t, heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: c.released, Carried: c.carried})
}

// accepted sends a create that Heketi accepts. The result, which can be read once, is lost.
func (c *twoCreates) accepted(t *testing.T) {
	t.Helper()
	c.unknown(t, heketitest.Fault{Prefix: "GET /queue/", Times: 1, Drop: true, After: true})
}

func (c *twoCreates) answered(t *testing.T) {
	t.Helper()
	if _, err := c.p.Create(t.Context(), spec("pvc-1")); err != nil {
		t.Fatal(err)
	}
}

// TestDeleteOfAVolumeOfAnotherCreate: if the volume were deleted while an unanswered create is on its way, that create would make a
// second one, of which no caller knows.
func TestDeleteOfAVolumeOfAnotherCreate(t *testing.T) {
	type sends = []func(*twoCreates, *testing.T)
	for name, creates := range map[string]sends{
		"accepted after it":          {(*twoCreates).unanswered, (*twoCreates).accepted},
		"answered before it":         {(*twoCreates).answered, (*twoCreates).unanswered},
		"made by an earlier process": {(*twoCreates).unanswered},
	} {
		for suffix, restart := range map[string]bool{"": false, ", then a restart": true} {
			t.Run(name+suffix, func(t *testing.T) {
				f, dir := start(t), t.TempDir()
				if len(creates) == 1 {
					f.create(t, spec("pvc-1"))
				}
				c := &twoCreates{fixture: f, p: f.withJournal(t, dir, timing()), released: make(chan struct{}), carried: make(chan struct{})}
				if _, err := c.p.Create(t.Context(), spec("pvc-0")); err != nil { // the records are fresh from here on
					t.Fatal(err)
				}
				for _, send := range creates {
					send(c, t)
				}
				if restart {
					c.p = f.withJournal(t, dir, timing())
				}
				v, err := c.p.Create(t.Context(), spec("pvc-1"))
				if err != nil {
					t.Fatal(err)
				}
				err = c.p.Delete(t.Context(), v.Handle, volume.Credentials{})
				wantError(t, err, volume.ErrBusy)
				says(t, err, "may still be carried out until")
				close(c.released)
				<-c.carried
				f.wantVolumes(t, 2)
			})
		}
	}
}

// TestDeleteWhileHeketisDatabaseHangs: Heketi may have begun an unanswered create, however old, and would make the volume again after
// the delete.
func TestDeleteWhileHeketisDatabaseHangs(t *testing.T) {
	for name, restart := range map[string]bool{"same driver": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			short := timing()
			short.Late = time.Millisecond
			c := &twoCreates{fixture: f, p: f.withJournal(t, dir, short), released: make(chan struct{}), carried: make(chan struct{})}
			v, err := c.p.Create(t.Context(), spec("pvc-1"))
			if err != nil {
				t.Fatal(err)
			}
			c.unanswered(t)
			defer close(c.released)
			time.Sleep(2 * short.Late)
			if restart {
				c.p = f.withJournal(t, dir, short)
			}
			f.server.SetUnrecorded(1)
			err = c.p.Delete(t.Context(), v.Handle, volume.Credentials{})
			wantError(t, err, volume.ErrBusy)
			says(t, err, "The create sent at", "Heketi is working on 1 request that its database does not show yet")
			f.server.SetUnrecorded(0)
			if err := c.p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
				t.Error(err)
			}
		})
	}
}
