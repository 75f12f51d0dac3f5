package healing

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// Outcome is what an attempt to repair the mounts of a volume has come to.
type Outcome struct {
	VolumeID string
	Pods     []string // UIDs of those whose mounts were repaired
	Mounts   int      // repaired
	Lost     []Loss   // cannot be repaired, until the container is started again; those that were not reported before
	Known    int      // lost, and reported before
	Pending  int      // not yet repaired
	Covered  int      // dead mounts that stay beneath, see mount.Replace
	Layers   []Layers // of pods in which many dead mounts lie beneath one that works
	Took     time.Duration

	coveredIn map[tables.Target]string // the UIDs of the pods in whose namespaces those are, "" outside of pods
	returned  []returned
}

// Loss is a mount that cannot be repaired.
type Loss struct {
	Pod    string // its UID; "" on the node
	Point  string // as the container sees it
	Reason string
}

// Layers are dead mounts beneath a mount that works.
type Layers struct {
	Pod   string // its UID
	Point string // as the container sees it
	Dead  int
}

// Observer gets the outcome of each attempt that has changed something, and hears before of a client's death.
type Observer interface {
	// ClientEnded is called once for each client, before its mounts are repaired. If the client was ended because it did not answer,
	// hung says for how long.
	ClientEnded(volumeID string, hung time.Duration)
	Healed(o Outcome)        // after a client's death
	GraphRepaired(o Outcome) // after a change of a client's graph
	// WroteBeneath is called after a change of a client's graph, if files were written meanwhile into directories of the volume on which
	// something is mounted again.
	WroteBeneath(volumeID string, written []Written)
}

type silent struct{}

// ClientEnded implements Observer.
func (silent) ClientEnded(string, time.Duration) {}

// Healed implements Observer.
func (silent) Healed(Outcome) {}

// GraphRepaired implements Observer.
func (silent) GraphRepaired(Outcome) {}

// WroteBeneath implements Observer.
func (silent) WroteBeneath(string, []Written) {}
