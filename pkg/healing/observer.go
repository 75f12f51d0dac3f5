package healing

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// Outcome is the result of an attempt to repair the mounts of a volume.
type Outcome struct {
	VolumeID string
	Pods     []string // UIDs of pods whose mounts were repaired
	Mounts   int      // repaired
	Lost     []Loss   // not reported before, and cannot be repaired
	Known    int      // lost and reported before
	Pending  int      // not yet repaired
	Covered  int      // dead mounts that stay beneath new ones, see mount.Replace
	Layers   []Layers // pods' mounts with many dead ones beneath
	Took     time.Duration

	coveredIn map[tables.Target]string // the namespaces with covered mounts, and the UIDs of their pods ("" outside pods)
	returned  []returned
	lostIn    []tables.Table // the mounts in Lost
	present   []tables.Table // the mounts of containers after the last attempt to restore them
}

// Loss is a mount that cannot be repaired.
type Loss struct {
	Pod    string // the pod's UID; "" on the node, except for the kubelet's mount of a subPath with DeletePod
	Point  string // as the container sees it, or on the node
	Reason string
	// DeletePod is set if a restart of the container does not help, because the kubelet's own mount of the subPath is lost, too.
	DeletePod bool
}

// Cure returns what the user can do about a loss.
func (l Loss) Cure() string {
	if l.DeletePod {
		return "delete the pod"
	}
	return "restart the container"
}

// Layers describes the dead mounts beneath a working mount.
type Layers struct {
	Pod   string // the pod's UID
	Point string // as the container sees it
	Dead  int
}

// Observer receives the outcome of each attempt that changed something.
type Observer interface {
	// ClientEnded is called once for each client, before its mounts are repaired. If the client was ended because it did not
	// answer, hung is the time without an answer.
	ClientEnded(volumeID string, hung time.Duration)
	Healed(o Outcome)        // after a client's death
	GraphRepaired(o Outcome) // after a change of a client's graph
	// WroteBeneath is called after a change of a client's graph, if files were written into directories of the volume while the
	// mounts on them were missing. The mounts are back.
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
