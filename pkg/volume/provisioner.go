package volume

import "context"

// Spec is a request for a volume.
type Spec struct {
	Name        string // CSI name: one name leads to at most one volume
	Capacity    Capacity
	Parameters  Parameters
	Credentials Credentials
}

// Credentials override those of the configured backend if they are not empty.
type Credentials struct {
	User string
	Key  string
}

// String keeps the key out of printed text.
func (c Credentials) String() string { return "user " + c.User }

// GoString does the same for %#v.
func (c Credentials) GoString() string { return c.String() }

// Provisioner makes and removes volumes. It is the driver's only interface to a backend. Every method may be repeated and called
// concurrently, and returns at the latest when ctx is done. An operation that the backend has accepted continues after that, and
// the next call for the same volume joins it.
type Provisioner interface {
	// Create makes the volume, or returns the one that an earlier call with the same name made. ErrIncompatible is returned when
	// that volume does not satisfy spec.
	Create(ctx context.Context, spec Spec) (Volume, error)

	// RefuseCreate is called in place of Create if the caller refuses the request itself, because the request is wrong. It
	// returns refusal, unless an earlier call with the same name has made the volume or may still make it. Then it returns
	// ErrBusy, because callers forget a volume after a final error. ErrUnavailable is returned when a backend cannot be read.
	// A backend without a key need not be read.
	RefuseCreate(ctx context.Context, name string, credentials Credentials, refusal error) error

	// Delete removes a volume that this driver made or that has an adopted handle. It returns nil if the volume is already gone.
	Delete(ctx context.Context, handle Handle, credentials Credentials) error

	// Get returns an existing volume. ErrNotFound is returned when there is none.
	Get(ctx context.Context, handle Handle, credentials Credentials) (Volume, error)

	// Expand makes the volume at least as large as the capacity requires, online, and returns its size in bytes. A volume that is
	// large enough is not changed, and no volume is ever made smaller. ErrExhausted is returned when the volume cannot grow by that
	// much: it has its old size, and nothing of the expand is left or running.
	Expand(ctx context.Context, handle Handle, capacity Capacity, credentials Credentials) (int64, error)

	// List returns up to limit volumes that this driver made, of all backends, in the order of their handles, beginning with the
	// first handle greater than after. A limit of 0 means no limit. more reports whether there are more volumes after these.
	List(ctx context.Context, after string, limit int) (volumes []Volume, more bool, err error)

	// Health returns the problems of a volume that the backend reports. ErrUnavailable is returned when the backend has no
	// information.
	Health(ctx context.Context, handle Handle, credentials Credentials) (Health, error)

	// ListHealth lists only the volumes with known problems, in pages like List. Each volume is listed under both of its handles,
	// whether this driver made it or not, because any volume may have been adopted.
	ListHealth(ctx context.Context, after string, limit int) (health []Health, more bool, err error)

	// Available estimates how much can be provisioned with these parameters.
	Available(ctx context.Context, parameters Parameters) (Space, error)
}

// Space is the free space of a backend, in bytes of usable capacity. Heketi publishes how much space its devices have free, not
// where it would put a volume. So Total and Largest are upper bounds: more never fits, and less does not always fit.
type Space struct {
	Total   int64 // of all volumes together
	Largest int64 // of a single volume
	Least   int64 // the size of the smallest possible volume
}
