package provisioner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestReservationInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		x.doubt(nameA)
		time.Sleep(59 * time.Second)
		x.useDump(heketi.Dump{}, time.Now())
		mustPick(t, x, nameB, 2001)
		time.Sleep(2 * time.Second)
		x.useDump(heketi.Dump{}, time.Now())
		mustPick(t, x, "csi-c-00000000000000000003", 2000)
		x.useDump(heketi.Dump{}, time.Now().Add(time.Hour)) // the reservation of a running create stays
		mustPick(t, x, "csi-d-00000000000000000004", 2002)
	})
}

// TestDoubtIsNotProlonged: a second end of the same create does not prolong the doubt.
func TestDoubtIsNotProlonged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		x.doubt(nameA)
		first := x.held[volume.NameKey(nameA)].expires
		time.Sleep(time.Second)
		x.doubt(nameA)
		if got := x.held[volume.NameKey(nameA)].expires; !got.Equal(first) {
			t.Errorf("it ends at %v, before it was %v", got, first)
		}
	})
}

// TestForgetLate: a create that may be late is over when its volume is found, if no other create can have made the volume.
func TestForgetLate(t *testing.T) {
	unanswered := func(x *index, late time.Duration) {
		x.unanswered(nameA, "c", time.Now().Add(late), x.hasEarlier(nameA))
	}
	for name, tt := range map[string]struct {
		before  func(x *index)
		cluster string
		want    bool
	}{
		"one":                   {func(x *index) { unanswered(x, time.Hour) }, "c", true},
		"in another cluster":    {func(x *index) { unanswered(x, time.Hour) }, "d", false},
		"none":                  {func(*index) {}, "c", true},
		"no reservation":        {func(x *index) { delete(x.held, volume.NameKey(nameA)) }, "c", true},
		"two":                   {func(x *index) { unanswered(x, time.Hour); unanswered(x, time.Hour) }, "c", false},
		"two and a third":       {func(x *index) { unanswered(x, time.Hour); unanswered(x, -time.Hour); unanswered(x, time.Hour) }, "c", false},
		"the first is over":     {func(x *index) { unanswered(x, -time.Hour); unanswered(x, time.Hour) }, "c", true},
		"then another accepted": {func(x *index) { unanswered(x, time.Hour); x.accepted(nameA) }, "c", false},
		"another one, then it":  {func(x *index) { x.accepted(nameA); unanswered(x, time.Hour) }, "c", false},
		"made before":           {func(x *index) { x.add("a", indexedVolume{name: nameA}); unanswered(x, time.Hour) }, "c", false},
		"another one made":      {func(x *index) { x.add("b", indexedVolume{name: nameB}); unanswered(x, time.Hour) }, "c", true},
		"forgotten before":      {func(x *index) { unanswered(x, time.Hour); x.forgetLate(nameA, "c") }, "c", true},
		"of an earlier process": {func(x *index) {
			x.reserveLate(volume.NameKey(nameA), sent{Name: nameA, Cluster: "c"}, time.Now().Add(time.Hour))
		}, "c", true},
		"two of an earlier process": {func(x *index) {
			x.reserveLate(volume.NameKey(nameA), sent{Name: nameA, Cluster: "c", Others: true}, time.Now().Add(time.Hour))
		}, "c", false},
	} {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		tt.before(x)
		if got := x.forgetLate(nameA, tt.cluster); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
		if _, until := x.late(nameA); tt.want && !until.IsZero() {
			t.Errorf("%s: it is still late, until %v", name, until)
		}
		if _, held := x.held[volume.NameKey(nameA)]; held != (name != "no reservation") {
			t.Errorf("%s: reserved: %t", name, held)
		}
	}
	x := newIndex("main", time.Minute)
	x.accepted(nameA)
	x.doubt(nameA)
	unanswered(x, time.Hour)
	if len(x.held) > 0 {
		t.Errorf("something is reserved for a create that has no reservation: %+v", x.held)
	}
}

// TestLateCreates: the group id of a create that may arrive late stays in use, with a volume and without.
func TestLateCreates(t *testing.T) {
	for name, end := range map[string]func(x *index){
		"made": func(x *index) {
			x.made(volume.Volume{Handle: volume.Handle{ID: "a"}, Name: nameA, GID: 2000})
			x.recordDeleted("a")
		},
		"in doubt": func(x *index) { x.doubt(nameA) },
	} {
		synctest.Test(t, func(t *testing.T) {
			x := newIndex("main", time.Minute)
			mustPick(t, x, nameA, 2000)
			x.unanswered(nameA, "c", time.Now().Add(time.Hour), false)
			end(x)
			time.Sleep(59 * time.Minute)
			x.useDump(heketi.Dump{}, time.Now())
			mustPick(t, x, nameB, 2001)
			time.Sleep(2 * time.Minute)
			x.useDump(heketi.Dump{}, time.Now())
			if mustPick(t, x, "csi-c-00000000000000000003", 2000); t.Failed() {
				t.Log(name)
			}
		})
	}
}

// TestNotesOfOneGroupID: it is not known which of the two creates has made its volume, so that neither is sent again with the
// group id.
func TestNotesOfOneGroupID(t *testing.T) {
	for _, names := range [][2]string{{nameA, nameB}, {nameB, nameA}} {
		x := newIndex("main", time.Minute)
		for _, name := range names {
			x.reserveLate(volume.NameKey(name), sent{Name: name, GID: 2000, Cluster: "c"}, time.Now().Add(time.Hour))
		}
		mustPick(t, x, names[0], 2001)
		mustPick(t, x, "csi-c-00000000000000000003", 2002)
	}
}
