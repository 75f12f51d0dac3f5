package provisioner_test

import (
	"fmt"
	"slices"
	"testing"
)

// TestListLeavesOutWhatIsPending: pending volumes are missing in the first list, which is read from a dump, and in one for which
// everything is read again.
func TestListLeavesOutWhatIsPending(t *testing.T) {
	d := newDatabase(t)
	d.addOurs(1)
	d.add(2, object{"Info": object{"name": nameOf(2), "cluster": clusterID, "size": 1}, "Pending": object{"Id": "o"}})
	p := over(t, d)
	for _, when := range []string{"first", "again"} {
		if got := list(t, p, 0); !slices.Equal(got, []string{"a1"}) {
			t.Errorf("%s: %v, want only the volume that is complete", when, got)
		}
	}
	for id := 16; id < 16+200; id++ { // so many that a dump is read
		d.addOurs(id)
	}
	if got := list(t, p, 0); len(got) != 201 || slices.Contains(got, "a2") {
		t.Errorf("%d volumes, with the pending one: %t", len(got), slices.Contains(got, "a2"))
	}
}

// TestFirstPageIsFresh: the first page shows what exists now, even while the pages of an earlier list are still being read.
func TestFirstPageIsFresh(t *testing.T) {
	d := newDatabase(t)
	for _, id := range []int{2, 3, 4} {
		d.addOurs(id)
	}
	p := over(t, d)
	first := func() (handles []string, more bool) {
		t.Helper()
		page, more, err := p.List(t.Context(), "", 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			handles = append(handles, short(v))
		}
		return handles, more
	}
	if got, more := first(); !slices.Equal(got, []string{"a2", "a3"}) || !more {
		t.Fatalf("%v, more: %t", got, more)
	}
	d.addOurs(1)
	d.remove(3)
	if got, more := first(); !slices.Equal(got, []string{"a1", "a2"}) || !more {
		t.Errorf("%v, more: %t; want what exists now", got, more)
	}
}

// TestLastPage: a page reports more pages only if there are more.
func TestLastPage(t *testing.T) {
	d := newDatabase(t)
	for id := 1; id <= 4; id++ {
		d.addOurs(id)
	}
	p := over(t, d)
	for _, tc := range []struct {
		after string
		limit int
		want  int
		more  bool
	}{
		{"", 0, 4, false},
		{"", 4, 4, false},
		{"", 3, 3, true},
		{"", 5, 4, false},
		{fmt.Sprintf("a/%032x", 2), 2, 2, false},
		{fmt.Sprintf("a/%032x", 2), 1, 1, true},
		{fmt.Sprintf("a/%032x", 4), 1, 0, false},
	} {
		page, more, err := p.List(t.Context(), tc.after, tc.limit)
		if err != nil || len(page) != tc.want || more != tc.more {
			t.Errorf("after %q, limit %d: %d volumes, more: %t, %v; want %d, %t", tc.after, tc.limit, len(page), more, err, tc.want, tc.more)
		}
	}
}
