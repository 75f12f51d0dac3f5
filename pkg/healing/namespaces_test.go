package healing

import (
	"errors"
	"testing"
)

func TestChangedNamespaces(t *testing.T) {
	node, pod := namespaceID{1, 1}, namespaceID{2, 10}
	scans := []struct {
		what string
		now  []namespaceID
		err  error
		want bool
	}{
		{"the first scan", []namespaceID{node}, nil, true},
		{"its namespaces also count as new at the second scan", []namespaceID{node}, nil, true},
		{"nothing is new", []namespaceID{node}, nil, false},
		{"a container", []namespaceID{node, pod}, nil, true},
		{"the container may not have had its mounts yet", []namespaceID{node, pod}, nil, true},
		{"the container is known", []namespaceID{node, pod}, nil, false},
		{"the container is gone", []namespaceID{node}, nil, false},
		{"another container with its number", []namespaceID{node, {2, 11}}, nil, true},
		{"the other container at the next scan", []namespaceID{node, {2, 11}}, nil, true},
		{"the other container is known", []namespaceID{node, {2, 11}}, nil, false},
		{"processes cannot be listed", nil, errors.New("too many open files"), true},
		{"processes can be listed again", []namespaceID{node}, nil, false},
	}
	var n namespaces
	for _, s := range scans {
		if got := n.changed(s.now, s.err); got != s.want {
			t.Errorf("%s: all tables must be read: %t, want %t", s.what, got, s.want)
		}
	}
	n.incomplete = true
	if !n.changed([]namespaceID{node}, nil) || n.changed([]namespaceID{node}, nil) {
		t.Error("after an incomplete scan, exactly the next scan must read all tables")
	}
	full := 0
	for range 2 * fullScanEvery {
		if n.changed([]namespaceID{node}, nil) {
			full++
		}
	}
	if full != 2 {
		t.Errorf("%d of %d scans without a change read all tables, want 2", full, 2*fullScanEvery)
	}
}

// TestWatchAgain: a table that could not be watched is tried again at the next scan.
func TestWatchAgain(t *testing.T) {
	h := newHealer(t)
	h.watch(t.Context())
	if h.namespaces.incomplete {
		t.Error("all tables are watched, but read again")
	}
	h.watcher.Close()
	h.watch(t.Context())
	if !h.namespaces.incomplete {
		t.Error("the next scan reads nothing")
	}
}
