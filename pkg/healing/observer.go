package healing

import "time"

// Outcome is what an attempt to repair the mounts of a volume has come to.
type Outcome struct {
	VolumeID string
	Pods     []string // UIDs of those whose mounts were repaired
	Mounts   int      // repaired
	Lost     []Loss   // cannot be repaired, until the container is started again; those that were not reported before
	Known    int      // lost, and reported before
	Pending  int      // not yet repaired
	Covered  int      // dead mounts that stay beneath, see mount.Replace
	Took     time.Duration
}

// Loss is a mount that cannot be repaired.
type Loss struct {
	Pod    string // its UID; "" on the node
	Point  string // as the container sees it
	Reason string
}

// Observer gets the outcome of each attempt that has changed something.
type Observer interface {
	Healed(o Outcome)        // after a client's death
	GraphRepaired(o Outcome) // after a change of a client's graph
}

type silent struct{}

// Healed implements Observer.
func (silent) Healed(Outcome) {}

// GraphRepaired implements Observer.
func (silent) GraphRepaired(Outcome) {}
