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
}
