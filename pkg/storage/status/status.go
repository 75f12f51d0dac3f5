// Package status holds what a GlusterFS server of the chart reports about itself. "glusterfs-storage status" writes the report as
// JSON, and the driver's doctor command reads it; both programs should have the same version. A part of the report that could not
// be made is empty, and Failures or a field Failure has the reason.
package status

import "github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"

// In a server's container, Program with the argument Command prints a Server as JSON. With HealFlag in addition, it prints a Heal
// instead.
const (
	Program  = "/glusterfs-storage"
	Command  = "status"
	HealFlag = "--heal"
)

// Server is a server's report about itself. The server makes it without asking other servers.
type Server struct {
	Peers   []glustercli.Peer   `json:"peers"`   // including the server itself
	Volumes []glustercli.Volume `json:"volumes"` // all volumes of the pool, with this server's bricks
	Pools   []Pool              `json:"pools"`   // Heketi's thin pools
	// Failures lists what could not be read.
	Failures []string `json:"failures,omitempty"`
}

// Self returns the server's UUID, or "" if its peers could not be read.
func (s Server) Self() string {
	for _, p := range s.Peers {
		if p.IsSelf() {
			return p.UUID
		}
	}
	return ""
}

// Pool is a thin pool of LVM. Heketi creates one for each brick.
type Pool struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Size  uint64 `json:"size"` // bytes
	// Promised is the sum of the sizes of the pool's thin volumes, in bytes. A pool cannot run full if Promised is at most Size.
	Promised uint64 `json:"promised"`
	Active   bool   `json:"active"`
	// Data and Metadata are the used percentages of an active pool.
	Data     float64 `json:"data"`
	Metadata float64 `json:"metadata"`
	// Health is LVM's word for a fault, such as out_of_data or metadata_read_only.
	Health string `json:"health,omitempty"`
}

// Heal is the heal backlog of the pool's replicated and dispersed volumes.
type Heal struct {
	Volumes []VolumeHeal `json:"volumes"`
	// Skipped is the number of volumes that were left out because the time was up.
	Skipped int `json:"skipped"`
	// Failure is the reason why no volume could be queried.
	Failure string `json:"failure,omitempty"`
}

// VolumeHeal is the heal backlog of one volume.
type VolumeHeal struct {
	Name    string                 `json:"name"`
	Summary glustercli.HealSummary `json:"summary"`
	Failure string                 `json:"failure,omitempty"` // why the backlog could not be read
}
