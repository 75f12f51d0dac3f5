package provisioner_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestListAsksOnlyForWhatIsNew: a list costs one dump, and later lists request only new volumes.
func TestListAsksOnlyForWhatIsNew(t *testing.T) {
	d := newDatabase(t)
	for id := 1; id <= 3; id++ {
		d.addOurs(id)
	}
	p := over(t, d)
	for _, step := range []struct {
		name         string
		change       func()
		want         []string
		dumps, infos int // in all
	}{
		{"the first", func() {}, []string{"a1", "a2", "a3"}, 1, 0},
		{"nothing new", func() {}, []string{"a1", "a2", "a3"}, 1, 0},
		{"one more", func() { d.addOurs(4) }, []string{"a1", "a2", "a3", "a4"}, 1, 1},
		{"it is known now", func() {}, []string{"a1", "a2", "a3", "a4"}, 1, 1},
		{"one less", func() { d.remove(2) }, []string{"a1", "a3", "a4"}, 1, 1},
		{"a foreign volume", func() { d.add(5, object{"Info": object{"name": "data", "cluster": clusterID, "size": 1}}) }, []string{"a1", "a3", "a4"}, 1, 2},
		{"which is known too", func() {}, []string{"a1", "a3", "a4"}, 1, 2},
		{"one that is being made", func() { d.add(6, object{"Info": object{"name": nameOf(6)}, "Pending": object{"Id": "o"}}) }, []string{"a1", "a3", "a4"}, 1, 2},
		{"and is complete", func() { d.addOurs(6) }, []string{"a1", "a3", "a4", "a6"}, 1, 3},
		{"gone before it is asked for", func() {
			d.addOurs(7)
			d.listed = func() { d.remove(7) }
		}, []string{"a1", "a3", "a4", "a6"}, 1, 4},
	} {
		step.change()
		got := list(t, p, 0)
		dumps, infos := d.asked()
		if !slices.Equal(got, step.want) || dumps != step.dumps || infos != step.infos {
			t.Errorf("%s: %v after %d dumps and %d infos, want %v after %d and %d", step.name, got, dumps, infos, step.want, step.dumps, step.infos)
		}
	}
}

func TestListReadsEverythingWhenMuchIsNew(t *testing.T) {
	d := newDatabase(t)
	d.addOurs(1)
	p := over(t, d)
	list(t, p, 0)
	for id := 2; id <= 200; id++ {
		d.addOurs(id)
	}
	got := list(t, p, 0)
	if dumps, infos := d.asked(); len(got) != 200 || dumps != 2 || infos != 0 {
		t.Errorf("%d volumes after %d dumps and %d infos, want 200 after 2 and 0", len(got), dumps, infos)
	}
}

// TestListRemembersAllOfAVolume: a cached volume and one that is requested alone look the same.
func TestListRemembersAllOfAVolume(t *testing.T) {
	d := newDatabase(t)
	d.addOurs(1)
	inDump, asked := over(t, d), over(t, d)
	d.remove(1)
	if got := list(t, asked, 0); len(got) > 0 {
		t.Fatalf("it lists the deleted volume %v", got)
	}
	d.addOurs(1)
	var lists [3][]volume.Volume
	for i, p := range []*provisioner.Provisioner{inDump, inDump, asked} {
		var err error
		if lists[i], _, err = p.List(t.Context(), "", 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < len(lists); i++ {
		if diff := cmp.Diff(lists[0], lists[i]); diff != "" {
			t.Error(diff)
		}
	}
	if len(lists[0]) != 1 {
		t.Errorf("%d volumes, want 1", len(lists[0]))
	}
}

// TestListDistrustsAnotherDatabase: the empty list of a Heketi that has lost its database is not accepted.
func TestListDistrustsAnotherDatabase(t *testing.T) {
	for name, other := range map[string]map[string]object{
		"empty":   {},
		"foreign": {"clusterentries": {"dddddddddddddddddddddddddddddddd": object{}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			d.addOurs(1)
			p := over(t, d)
			list(t, p, 0)
			right := d.replace(other)
			got, _, err := p.List(t.Context(), "", 0)
			wantError(t, err, volume.ErrUnavailable)
			if len(got) > 0 {
				t.Errorf("a list came with the error: %v", got)
			}
			d.replace(right)
			if got := list(t, p, 0); !slices.Equal(got, []string{"a1"}) {
				t.Errorf("afterwards: %v", got)
			}
			for when, change := range map[string]func(){
				"before the ids":      func() { d.trusted = func() { d.replace(other) } },
				"after the ids":       func() { d.listed = func() { d.replace(other) } },
				"only before the ids": func() { d.replace(other); d.trusted = func() { d.replace(right) } },
			} {
				change()
				got, _, err := p.List(t.Context(), "", 0)
				if wantError(t, err, volume.ErrUnavailable); len(got) > 0 {
					t.Errorf("replaced %s: %v", when, got)
				}
				d.replace(right)
				d.trusted, d.listed = nil, nil
			}
		})
	}
}

func TestListShowsAnExpansion(t *testing.T) {
	f := start(t)
	made := f.create(t, spec("pvc-1"))
	for _, size := range []int64{2, 5} {
		if _, err := f.provisioner.Expand(t.Context(), made.Handle, volume.Capacity{RequiredBytes: size * volume.GiB}, volume.Credentials{}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, _, err := f.provisioner.List(t.Context(), "", 0)
			if err != nil || len(got) != 1 || got[0].CapacityBytes != size*volume.GiB {
				t.Fatalf("size %d: %v, error: %v", size, got, err)
			}
		}
	}
	if n := f.server.Requests("GET /db/dump"); n != 2 { // the create and the first list
		t.Errorf("the database was read %d times, want 2", n)
	}
}
