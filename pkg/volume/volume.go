package volume

import (
	"strconv"
	"strings"
)

// Volume is a gluster volume that exists and can be mounted.
type Volume struct {
	Handle        Handle
	Name          string   // of the gluster volume
	CapacityBytes int64    // nominal; the file system in it is a little smaller
	Servers       []string // storage host names or addresses of the cluster's nodes
	Cluster       string   // Heketi cluster id
	GID           int64    // group that owns the volume's root; 0 is root
	Durability    Durability
	MountOptions  []string // of the client, from the volume's profile
}

// The keys of a volume's context, which is all that a node needs to mount the volume.
const (
	ContextVolume  = "volume"  // gluster volume name, for static volumes optionally with /sub/dir
	ContextServers = "servers" // comma-separated hosts
	ContextCluster = "cluster"
	ContextBackend = "backend"
	ContextGID     = "gid"
	// ContextMountOptions holds options of the client, separated by commas; absent if there are none.
	ContextMountOptions = "mountOptions"
)

// mostServers is the maximum number of servers in a context. A node refuses more (mount.MostServers), and a client needs only one
// that answers.
const mostServers = 128

// Context returns CSI's volume_context of the volume. It contains no secret, because it is stored in the PersistentVolume, which
// many users may read.
func (v Volume) Context() map[string]string {
	context := map[string]string{
		ContextVolume:  v.Name,
		ContextServers: strings.Join(v.Servers[:min(len(v.Servers), mostServers)], ","),
		ContextCluster: v.Cluster,
		ContextBackend: v.Handle.Backend,
		ContextGID:     strconv.FormatInt(v.GID, 10),
	}
	if len(v.MountOptions) > 0 {
		context[ContextMountOptions] = strings.Join(v.MountOptions, ",")
	}
	return context
}
