package healing

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// Outcome is the result of an attempt to repair the mounts of a volume.
type Outcome struct {
	VolumeID string
	Pods     []string // UIDs of pods whose mounts were repaired
	Mounts   int      // repaired mounts
	Lost     []Loss   // mounts that cannot be repaired, without those that were reported before
	Known    int      // lost mounts that were reported before
	Pending  int      // mounts that are not repaired yet
	Covered  int      // dead mounts that stay beneath new ones, see mount.Replace
	Layers   []Layers // mounts in pods with many dead mounts beneath them
	Took     time.Duration

	coveredIn map[tables.Target]string // the namespaces with covered mounts, and the UIDs of their pods ("" outside pods)
	returned  []returned
	lostIn    []tables.Table // the mounts in Lost
	present   []tables.Table // the mounts of containers after the last attempt to restore them
}

// Loss is a mount that cannot be repaired.
type Loss struct {
	// Pod is the pod's UID, or "" for a mount on the node. If DeletePod is set, the kubelet's mount of a subPath on the node also has
	// its pod's UID.
	Pod    string
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

// Observer receives the outcome of each attempt that changed something. Its methods may be called concurrently. The next attempt
// for the volume waits until they return.
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
