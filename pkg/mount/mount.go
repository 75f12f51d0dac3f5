// Package mount is what the CSI node service sees of GlusterFS mounts: the Mounter interface, its errors, the
// typed client options, and the bounded kernel calls (mountinfo, bind, detach, statfs) that implementations share.
//
// Nothing here waits without limit on a file system whose client may be dead or hung, and nothing starts umount(8),
// which stats the path first and hangs with it.
package mount

import "context"

// Mounter mounts GlusterFS volumes on this node. All methods are idempotent, return in bounded time (their own
// limit or ctx, whichever is first) and may be called concurrently. Errors wrap one sentinel of this package.
type Mounter interface {
	// Stage starts the volume's FUSE client and mounts it at stagingPath, an existing directory. One client per
	// volume; the same request again is success, and replaces a dead client.
	// Errors: ErrInvalid, ErrConflict, ErrBusy, ErrUnavailable, ErrTimeout.
	Stage(ctx context.Context, s Source, stagingPath string) error
	// Unstage ends the volume's client and leaves stagingPath an ordinary directory. Not staged is success.
	// Errors: ErrInvalid, ErrBusy.
	Unstage(ctx context.Context, volumeID, stagingPath string) error
	// Publish binds the staged volume to the target, which it creates (its parent exists).
	// Errors: ErrInvalid, ErrNotStaged, ErrConflict, ErrBusy, ErrUnavailable, ErrTimeout.
	Publish(ctx context.Context, p Publication) error
	// Unpublish unmounts and removes the target (CSI: the plugin must delete it). Not published is success.
	// Errors: ErrInvalid, ErrBusy.
	Unpublish(ctx context.Context, volumeID, targetPath string) error
	// Stats reports the file system behind path, the volume's staging or target path.
	// Errors: ErrInvalid, ErrNotMounted, ErrUnavailable (client dead or bricks away), ErrTimeout.
	Stats(ctx context.Context, volumeID, path string) (Stats, error)
	// Health reports how the client behind path, the volume's staging or target path, is and which bricks it has.
	// An empty path stands for the staging path.
	// Errors: ErrInvalid, ErrNotMounted, ErrTimeout (ctx has ended).
	Health(ctx context.Context, volumeID, path string) (Health, error)
	// Expand waits until the client behind path, the volume's staging or target path, has the bricks that an expansion has added,
	// and returns the size of the file system in bytes. It does not wait if the servers do not say which bricks those are.
	// Errors: ErrInvalid, ErrNotMounted, ErrUnavailable (client dead or bricks away), ErrTimeout (also: not yet).
	Expand(ctx context.Context, volumeID, path string) (int64, error)
}

// Source is everything needed to mount a volume without Heketi.
type Source struct {
	VolumeID string   `json:"volumeID"`
	Servers  []string `json:"servers"`          // as from ParseServers, in order of preference
	Volume   string   `json:"volume"`           // the gluster volume's name
	Subdir   string   `json:"subdir,omitempty"` // "" or "sub/dir": mount only this directory of the volume
	// Cluster is the Heketi cluster of a provisioned volume, for which the node may know other servers. It is no part of
	// what is compared: the volume's name and servers say which volume it is.
	Cluster string  `json:"cluster,omitempty"`
	Options Options `json:"options"`
}

// Publication is a bind of a staged volume.
type Publication struct {
	VolumeID    string
	StagingPath string
	TargetPath  string
	ReadOnly    bool
	// Source is what the request says of the volume, if it can be read. A target that is not mounted yet is refused if it is another
	// volume than the staged one.
	Source *Source
}

// Stats are statfs numbers. Available is what an unprivileged user may still write.
type Stats struct {
	TotalBytes, UsedBytes, AvailableBytes    int64
	TotalInodes, UsedInodes, AvailableInodes int64
}
