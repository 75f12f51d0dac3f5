package provisioner

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestStaleSize(t *testing.T) {
	x := newIndex("main", time.Minute)
	v := func(size int64) volume.Volume {
		return volume.Volume{Handle: volume.Handle{ID: "a"}, CapacityBytes: size}
	}
	x.recordSize(v(5))
	x.recordSize(v(3)) // an older answer
	for size, want := range map[int64]bool{4: true, 5: false, 6: false} {
		if got := x.isStale(v(size)); got != want {
			t.Errorf("%d of 5: stale %t", size, got)
		}
	}
	x.forgetSize("a")
	if x.isStale(v(1)) {
		t.Error("a volume that is read from now on is stale")
	}
}

// TestListCacheAges: everything is read again after ten minutes. A changed volume is read by every list until one that began
// after the change has read it.
func TestListCacheAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c listCache
		c.invalidate("a") // there was no list yet
		if c.cached() != nil || c.changed != nil {
			t.Error("an empty cache has entries")
		}
		first := time.Now()
		c.store(map[string]entry{"a": {}, "b": {}}, first, true)
		time.Sleep(time.Minute)
		c.invalidate("a")
		if got := c.cached(); len(got) != 1 {
			t.Errorf("remembered: %v, want b", got)
		}
		c.store(map[string]entry{"a": {}, "b": {}}, first.Add(30*time.Second), false) // began before the change
		if got := c.cached(); len(got) != 1 {
			t.Errorf("remembered: %v, want b", got)
		}
		time.Sleep(time.Second)
		c.store(map[string]entry{"a": {}, "b": {}}, time.Now(), false)
		if got := c.cached(); len(got) != 2 || len(c.changed) > 0 {
			t.Errorf("remembered: %v, changed: %v; want a and b", got, c.changed)
		}
		c.store(map[string]entry{}, first, false) // an older list that took longer
		if got := c.cached(); len(got) != 2 {
			t.Errorf("remembered: %v, want a and b", got)
		}
		time.Sleep(time.Until(first.Add(listCacheLifetime)))
		if c.cached() == nil {
			t.Error("the cache is empty after ten minutes")
		}
		time.Sleep(time.Nanosecond)
		if c.cached() != nil {
			t.Error("entries that are more than ten minutes old are used")
		}
	})
}

// TestListingAges: the pages of a list are served from its first page's listing for less than a minute.
func TestListingAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l listing
		if _, ok := l.recent(); ok {
			t.Error("there is a list")
		}
		l.store([]listed{{handle: "a"}})
		time.Sleep(listingLifetime - 1)
		if got, ok := l.recent(); !ok || len(got) != 1 {
			t.Errorf("%v, %t", got, ok)
		}
		time.Sleep(time.Nanosecond)
		if _, ok := l.recent(); ok {
			t.Error("it is served after a minute")
		}
		// A page from the middle does not extend the listing's life.
		p := &Provisioner{}
		p.listing.store([]listed{{handle: "a"}, {handle: "b"}, {handle: "c"}})
		time.Sleep(listingLifetime / 2)
		if page, more, err := p.List(t.Context(), "a", 1); err != nil || len(page) != 1 || !more {
			t.Errorf("%v, %t, %v", page, more, err)
		}
		time.Sleep(listingLifetime / 2)
		if _, ok := p.listing.recent(); ok {
			t.Error("it is served longer because pages of it were read")
		}
		l.store([]listed{{handle: "a"}})
		l.store(nil)
		if _, ok := l.recent(); ok {
			t.Error("it is served after its last page")
		}
	})
}

// TestExaminationsAge: an examination that was handed out is valid for three times its duration; one that was not, for longer.
func TestExaminationsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x healthCache
		if _, ok := x.recent("a", time.Now()); ok {
			t.Error("there is one")
		}
		x.store("a", time.Now().Add(-10*time.Second), heketi.Examination{})
		time.Sleep(unreadLifetime - 1)
		if _, ok := x.recent("a", time.Now()); !ok {
			t.Error("a result that was not handed out is forgotten")
		}
		if _, ok := x.recent("a", time.Now()); ok { // now it was handed out
			t.Error("a result that was handed out is used for minutes")
		}
		x.store("a", time.Now().Add(-10*time.Second), heketi.Examination{})
		if _, ok := x.recent("b", time.Now()); ok {
			t.Error("one backend's is another's")
		}
		const used = 30 * time.Second                             // three times its duration
		for i, wait := range []time.Duration{0, used - 1, used} { // the first round reads it
			if _, ok := x.recent("a", time.Now().Add(wait)); ok != (i < 2) {
				t.Errorf("after %v: %t", wait, ok)
			}
		}
	})
}

// TestNeed: by how much a volume has to grow, and when it cannot.
func TestNeed(t *testing.T) {
	const gib = volume.GiB
	ec := volume.Durability{Type: volume.Disperse, Data: 4, Redundancy: 2}
	for _, tt := range []struct {
		durability      volume.Durability
		required, limit int64
		has, want       int
		err             error
	}{
		{volume.DefaultDurability(), 3 * gib, 0, 2, 1, nil},
		{volume.DefaultDurability(), 2 * gib, 0, 2, 0, nil},
		{volume.DefaultDurability(), gib, 0, 2, 0, nil},
		{volume.DefaultDurability(), 3*gib - 1, 0, 2, 1, nil},
		{volume.DefaultDurability(), 3 * gib, 3 * gib, 2, 1, nil},
		{volume.DefaultDurability(), gib, 2 * gib, 2, 0, nil},
		{volume.DefaultDurability(), gib, 2*gib - 1, 2, 0, volume.ErrOutOfRange},
		{ec, 5 * gib, 0, 4, 4, nil},
		{ec, 5 * gib, 8 * gib, 4, 4, nil},
		{ec, 5 * gib, 8*gib - 1, 4, 0, volume.ErrOutOfRange},
	} {
		capacity := volume.Capacity{RequiredBytes: tt.required, LimitBytes: tt.limit}
		target, _ := capacity.SizeGiB(1)
		e := &expanding{expansion: expansion{capacity: capacity}, targetGiB: target}
		got, err := e.need(heketi.Volume{SizeGiB: tt.has, Durability: tt.durability})
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s of %d GiB, %d to %d: %d, %v; want %d, %v", tt.durability, tt.has, tt.required, tt.limit, got, err, tt.want, tt.err)
		}
	}
}

func TestEnough(t *testing.T) {
	e := &expanding{expansion: expansion{handle: volume.Handle{Backend: "main", ID: "a"}, capacity: volume.Capacity{RequiredBytes: 3 * volume.GiB}}}
	for size, want := range map[int]bool{2: false, 3: true, 4: true} {
		got, err := e.enough(heketi.Volume{ID: "a", SizeGiB: size}, "because")
		if (err == nil) != want || want && got.CapacityBytes != int64(size)*volume.GiB || !want && !errors.Is(err, volume.ErrUnavailable) {
			t.Errorf("%d GiB: %+v, %v", size, got, err)
		}
	}
}

func TestEveryClusterRefused(t *testing.T) {
	full, block := errors.Join(volume.ErrExhausted), errors.Join(volume.ErrPrecondition)
	for _, tt := range []struct {
		refusals []error
		want     error
		not      error
	}{
		{[]error{full}, volume.ErrExhausted, volume.ErrPrecondition},
		{[]error{block}, volume.ErrPrecondition, volume.ErrExhausted},
		{[]error{block, full}, volume.ErrExhausted, volume.ErrPrecondition},
		{[]error{full, block}, volume.ErrExhausted, volume.ErrPrecondition},
		{[]error{block, block}, volume.ErrPrecondition, volume.ErrExhausted},
	} {
		err := everyClusterRefused(tt.refusals)
		if !errors.Is(err, tt.want) || errors.Is(err, tt.not) {
			t.Errorf("%v: %v", tt.refusals, err)
		}
		if len(tt.refusals) > 1 && err.Error() != tt.want.Error()+": no cluster can take the volume: "+tt.refusals[0].Error()+"; "+tt.refusals[1].Error() {
			t.Errorf("%v", err)
		}
	}
}

// TestJournalOfCreates: creates that may still be carried out are known, also to the next process.
func TestJournalOfCreates(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	j.late = time.Hour
	mine, other := createKey("main", nameA), createKey("other", nameB)
	for key, name := range map[string]string{mine: nameA, other: nameB, journalKey: ""} {
		if err := j.record(key, sent{Name: name, Cluster: "c", GID: 2000}); err != nil {
			t.Fatal(err)
		}
	}
	again := openJournal(t, dir)
	again.late = time.Hour
	for _, journal := range []*Journal{j, again} {
		got := journal.creates("main")
		if r := got[volume.NameKey(nameA)]; len(got) != 1 || r.Name != nameA || r.Cluster != "c" || r.GID != 2000 {
			t.Errorf("creates of main: %+v", got)
		}
	}
	began := j.sent[mine].At
	j.unanswered("main/create/x") // there is no note of it
	j.unanswered(mine)
	if again = openJournal(t, dir); !j.sent[mine].At.After(began) || !again.sent[mine].At.Equal(j.sent[mine].At) || len(j.sent) != 3 {
		t.Errorf("given up at %v, on disk %v, begun at %v", j.sent[mine].At, again.sent[mine].At, began)
	}
	if j.late = 0; len(j.creates("main")) != 0 {
		t.Errorf("creates that are too old: %+v", j.creates("main"))
	}
}

func TestParseSent(t *testing.T) {
	for text, want := range map[string]bool{
		`{"version":1,"at":"2026-01-01T00:00:00Z"}`: true,
		`{"version":1}`: false,
		`{"version":2,"at":"2026-01-01T00:00:00Z"}`:               false,
		`{"at":"2026-01-01T00:00:00Z"}`:                           false,
		`{"suspect":true,"at":"2026-01-01T00:00:00Z"}`:            true,
		`{"suspect":true}`:                                        false,
		`{"version":1,"at":"2026-01-01T00:00:00Z","sizeGiB":"2"}`: false,
		``: false,
	} {
		if _, ok := parseSent([]byte(text)); ok != want {
			t.Errorf("%s: %t", text, ok)
		}
	}
	if key, ok := keyOfFile("a_b.json"); key != "a/b" || !ok {
		t.Errorf("%s, %t", key, ok)
	}
}
