package lab

import "context"

// SecondHeketi returns another Heketi on the hub, for tests that need two. Its executor is a mock, like MockHeketi's, so its
// volumes cannot be mounted. StartSecondHeketi must start it first.
func (l *Lab) SecondHeketi() *Heketi { return l.heketi("second-heketi", secondHeketiPort) }

// StartSecondHeketi starts SecondHeketi for the first time, with one cluster of three nodes. It does nothing if SecondHeketi
// runs.
func (l *Lab) StartSecondHeketi(ctx context.Context) error {
	h := l.SecondHeketi()
	if h.Running(ctx) {
		return nil
	}
	config := heketiConfig(secondHeketiPort, mockConfig("/run/second-heketi.db"))
	if err := writeJSON(l.layout.Path("heketi", h.name+".json"), config); err != nil {
		return err
	}
	if err := h.Start(ctx); err != nil {
		return err
	}
	return loadTopology(ctx, h, l.layout.Path("heketi", "second-topology.json"), mockNodes(1), mockDevices)
}
