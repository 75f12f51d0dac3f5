// Package status holds what a GlusterFS server of the chart reports about itself: glusterfs-storage status writes it as JSON, and
// doctor reads it.
package status

import "github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"

// Command makes a server report a Server, and with HealFlag a Heal.
const (
	Program  = "/glusterfs-storage"
	Command  = "status"
	HealFlag = "--heal"
)

// Server is what one server knows without asking others.
type Server struct {
	Peers   []glustercli.Peer   `json:"peers"`   // the server itself included
	Volumes []glustercli.Volume `json:"volumes"` // all of the pool, with the bricks of this server
	Pools   []Pool              `json:"pools"`   // thin pools of Heketi
	// Failures say what could not be read.
	Failures []string `json:"failures,omitempty"`
}

// Self returns the UUID of the server, "" if its peers could not be read.
func (s Server) Self() string {
	for _, p := range s.Peers {
		if p.IsSelf() {
			return p.UUID
		}
	}
	return ""
}

// Pool is a thin pool of LVM. Heketi makes one for each brick.
type Pool struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Size  uint64 `json:"size"` // bytes
	// Promised is the sum of the sizes of its thin volumes, in bytes. As long as it is not more than Size, the pool has room for
	// whatever is written.
	Promised uint64 `json:"promised"`
	Active   bool   `json:"active"`
	// Data and Metadata are percentages of a pool that is active.
	Data     float64 `json:"data"`
	Metadata float64 `json:"metadata"`
	// Health is LVM's word for what is wrong, such as out_of_data or metadata_read_only.
	Health string `json:"health,omitempty"`
}

// Heal is the heal backlog of the pool's volumes that have copies or redundancy.
type Heal struct {
	Volumes []VolumeHeal `json:"volumes"`
	// Skipped counts the volumes for which there was no time.
	Skipped int `json:"skipped"`
	// Failure says why no volume could be looked at.
	Failure string `json:"failure,omitempty"`
}

// VolumeHeal is the heal backlog of one volume.
type VolumeHeal struct {
	Name    string                 `json:"name"`
	Summary glustercli.HealSummary `json:"summary"`
	Failure string                 `json:"failure,omitempty"` // it could not be read
}
