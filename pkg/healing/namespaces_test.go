package healing

import (
	"errors"
	"testing"
)

func TestChangedNamespaces(t *testing.T) {
	node, pod := namespaceID{1, 1}, namespaceID{2, 10}
	looks := []struct {
		what string
		now  []namespaceID
		err  error
		want bool
	}{
		{"the first look", []namespaceID{node}, nil, true},
		{"its namespaces also count as new at the second scan", []namespaceID{node}, nil, true},
		{"nothing is new", []namespaceID{node}, nil, false},
		{"a container", []namespaceID{node, pod}, nil, true},
		{"it may not have had its mounts yet", []namespaceID{node, pod}, nil, true},
		{"it is known now", []namespaceID{node, pod}, nil, false},
		{"it is gone", []namespaceID{node}, nil, false},
		{"another one with its number", []namespaceID{node, {2, 11}}, nil, true},
		{"and again at the next scan", []namespaceID{node, {2, 11}}, nil, true},
		{"it is known now", []namespaceID{node, {2, 11}}, nil, false},
		{"processes cannot be listed", nil, errors.New("too many open files"), true},
		{"they can", []namespaceID{node}, nil, false},
	}
	var n namespaces
	for _, l := range looks {
		if got := n.changed(l.now, l.err); got != l.want {
			t.Errorf("%s: all tables must be read: %t, want %t", l.what, got, l.want)
		}
	}
	n.incomplete = true
	if !n.changed([]namespaceID{node}, nil) || n.changed([]namespaceID{node}, nil) {
		t.Error("after an incomplete scan, exactly the next scan must read all tables")
	}
	full := 0
	for range 2 * fullLook {
		if n.changed([]namespaceID{node}, nil) {
			full++
		}
	}
	if full != 2 {
		t.Errorf("%d of %d scans without a change read all tables, want 2", full, 2*fullLook)
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
