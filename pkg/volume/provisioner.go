package volume

import "context"

// Spec is a request for a volume.
type Spec struct {
	Name        string // CSI name: one name leads to at most one volume
	Capacity    Capacity
	Parameters  Parameters
	Credentials Credentials
}

// Credentials override those of the configured backend when they are not empty.
type Credentials struct {
	User string
	Key  string
}

// String keeps the key out of anything that is printed.
func (c Credentials) String() string { return "user " + c.User }

// GoString does the same for %#v.
func (c Credentials) GoString() string { return c.String() }

// Provisioner makes and removes volumes. It is all that the driver sees of a backend.
// Every method may be repeated and called concurrently, and returns when ctx is done at
// the latest; an operation that the backend has accepted goes on beyond that, and the
// next call for the same volume joins it.
type Provisioner interface {
	// Create makes the volume, or returns the one that an earlier call with the same
	// name made. ErrIncompatible: that one does not satisfy spec.
	Create(ctx context.Context, spec Spec) (Volume, error)

	// Delete removes a volume that this driver made. A volume that is already gone is success.
	Delete(ctx context.Context, handle Handle, credentials Credentials) error

	// Get returns an existing volume. ErrNotFound: there is none.
	Get(ctx context.Context, handle Handle, credentials Credentials) (Volume, error)

	// Expand makes the volume at least as large as the capacity asks for, online, and returns its size in bytes. A
	// volume that is large enough stays as it is; none is ever made smaller. ErrExhausted: the volume has its old size, and
	// nothing of the expand is left or running.
	Expand(ctx context.Context, handle Handle, capacity Capacity, credentials Credentials) (int64, error)

	// List returns up to limit volumes that this driver made, of all backends, in the order of their handles,
	// beginning with the first whose handle is above after. A limit of 0 is no limit. more: there are others behind.
	List(ctx context.Context, after string, limit int) (volumes []Volume, more bool, err error)

	// Health says what the backend knows to be wrong with a volume. ErrUnavailable: it cannot tell.
	Health(ctx context.Context, handle Handle, credentials Credentials) (Health, error)

	// ListHealth lists the volumes that something is known to be wrong with, and only those, in pages as List does. Each is there
	// under both of its handles, whether this driver made it or not, because any of them may have been taken over.
	ListHealth(ctx context.Context, after string, limit int) (health []Health, more bool, err error)

	// Available estimates what can be made with these parameters.
	Available(ctx context.Context, parameters Parameters) (Space, error)
}

// Space is what a backend has room for, in bytes of usable capacity. Heketi publishes what its devices have free, not
// where it would put a volume, so that all of it is an estimate.
type Space struct {
	Total   int64 // in volumes of any size
	Largest int64 // in a single volume
	Least   int64 // the smallest volume that can be asked for
}
