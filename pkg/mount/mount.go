// Package mount defines the interface between the CSI node service and GlusterFS mounts: the Mounter interface, its errors and
// the typed client options. It also has the parts that implementations share: rules for servers (which servers a volume may name,
// and which can be reached), and kernel calls for mounts, mount namespaces and processes. The calls act in the calling thread's
// mount namespace, unless their comments name another one. Bind needs Linux 5.12 and CAP_SYS_ADMIN; CheckKernel tests for both.
//
// The functions never wait without limit for a file system whose client may be dead or hung; InMountNamespace is the exception.
// They do not start umount(8), which stats the path first and so hangs. Callers must follow the same rule: they must not access a
// mounted path themselves, but use these functions or package fusequery.
package mount

import "context"

// Mounter mounts GlusterFS volumes on this node. All methods are idempotent, return in bounded time (their own limit or ctx,
// whichever is first) and may be called concurrently. Errors wrap exactly one sentinel of this package.
type Mounter interface {
	// Stage starts the volume's FUSE client and mounts it at stagingPath, an existing directory. There is one client per volume;
	// repeating the request succeeds, and replaces a dead client. Errors: ErrInvalid, ErrConflict, ErrBusy, ErrUnavailable,
	// ErrTimeout.
	Stage(ctx context.Context, s Source, stagingPath string) error
	// Unstage ends the volume's client and leaves stagingPath an ordinary directory. It succeeds if the volume is not staged.
	// Errors: ErrInvalid, ErrBusy.
	Unstage(ctx context.Context, volumeID, stagingPath string) error
	// Publish binds the staged volume to the target, which it creates; the parent must exist. Errors: ErrInvalid, ErrNotStaged,
	// ErrConflict, ErrBusy, ErrUnavailable, ErrTimeout.
	Publish(ctx context.Context, p Publication) error
	// Unpublish unmounts and removes the target (CSI: the plugin must delete it). It succeeds if the volume is not published.
	// Errors: ErrInvalid, ErrBusy.
	Unpublish(ctx context.Context, volumeID, targetPath string) error
	// Stats returns the statistics of the file system at path, which is the volume's staging path or a target path. Errors:
	// ErrInvalid, ErrNotMounted, ErrUnavailable (client dead or bricks down), ErrTimeout.
	Stats(ctx context.Context, volumeID, path string) (Stats, error)
	// Health reports the state of the client and its bricks at path, which is the volume's staging path or a target path; an
	// empty path stands for the staging path. Errors: ErrInvalid, ErrNotMounted, ErrTimeout (ctx has ended).
	Health(ctx context.Context, volumeID, path string) (Health, error)
	// Expand waits until the client at path, which is the volume's staging path or a target path, uses the bricks that an
	// expansion added, and returns the size of the file system in bytes. If no server reports the volume's bricks, it does not
	// wait. Errors: ErrInvalid, ErrNotMounted, ErrUnavailable (client dead or bricks down), ErrTimeout (also: the bricks are not
	// in use yet).
	Expand(ctx context.Context, volumeID, path string) (int64, error)
}

// Source holds everything that is needed to mount a volume without Heketi.
type Source struct {
	VolumeID string   `json:"volumeID"`
	Servers  []string `json:"servers"`          // as ParseServers returns them, in order of preference
	Volume   string   `json:"volume"`           // name of the gluster volume
	Subdir   string   `json:"subdir,omitempty"` // "" or "sub/dir": mount only this directory of the volume
	// Cluster is the Heketi cluster of a provisioned volume. The node's configuration may name other servers for the cluster.
	// Difference ignores Cluster: the volume's name and servers identify the volume.
	Cluster string  `json:"cluster,omitempty"`
	Options Options `json:"options"`
}

// Publication is a bind of a staged volume.
type Publication struct {
	VolumeID    string
	StagingPath string
	TargetPath  string
	ReadOnly    bool
	// Source is the volume as the request describes it, or nil if it cannot be parsed. If the target is not mounted yet, Publish
	// refuses a Source other than the staged volume.
	Source *Source
	Pod    Pod // only for events; empty if the orchestrator does not name the pod
}

// Pod is the pod for which a volume is published.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

// Stats holds statfs numbers. Available counts only what an unprivileged user may still write.
type Stats struct {
	TotalBytes, UsedBytes, AvailableBytes    int64
	TotalInodes, UsedInodes, AvailableInodes int64
}
