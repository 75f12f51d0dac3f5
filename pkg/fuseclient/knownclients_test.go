package fuseclient

import "testing"

// drop drops a volume's record, but not its client.
func (n *node) drop(volumeID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.records, volumeID)
}

// TestKnownClients: between two searches, clients that start and end are noticed.
func TestKnownClients(t *testing.T) {
	n := newNode(t)
	known := func(search bool) map[string]process {
		all := map[string]process{}
		for _, c := range n.knownClients(search) {
			all[c.name()] = c.process
		}
		return all
	}
	first := n.stage()
	if got := known(true); len(got) != 1 || got[first.name()] != first.Process {
		t.Errorf("after a search: %v, want %s", got, first.name())
	}
	if err := n.Stage(t.Context(), source("second"), n.mkdir("second")); err != nil {
		t.Fatal(err)
	}
	second, _ := n.record(source("second").VolumeID)
	if got := known(false); len(got) != 2 || got[second.name()] != second.Process {
		t.Errorf("another was started: %v, want %s too", got, second.name())
	}
	n.kill(first)
	if got := known(false); len(got) != 1 || got[second.name()] != second.Process {
		t.Errorf("the first has ended: %v", got)
	}
	n.drop(second.Source.VolumeID)
	n.found.running = nil
	if got := known(true); len(got) != 1 || got[second.name()] != second.Process {
		t.Errorf("a search finds %v, want the client without a record", got)
	}
}

// TestOnlyUpkeepSearches: metrics are read more often than upkeep searches all processes. The first reading searches, because a
// node plugin that has just started finds clients of the one before.
func TestOnlyUpkeepSearches(t *testing.T) {
	n := newNode(t)
	n.stage()
	n.drop("id-vol")
	found := func(when string, want int) {
		t.Helper()
		if clients := n.Report().Clients; len(clients) != want {
			t.Errorf("%s: %+v, want %d", when, clients, want)
		}
	}
	found("at the first reading", 1)
	if err := n.Stage(t.Context(), source("second"), n.mkdir("second")); err != nil {
		t.Fatal(err)
	}
	n.drop("id-second")
	found("after the start of a client whose record is lost", 1)
	n.upkeep(t.Context())
	found("after a round of upkeep", 2)
	n.found.running = nil
	for range searchEach - 1 {
		n.upkeep(t.Context())
	}
	found("after rounds without a search", 0)
	n.upkeep(t.Context())
	found("after the next search", 2)
}
