package mount

import "errors"

// The errors of a Mounter. Each error that a Mounter returns wraps exactly one of them; the driver maps them to gRPC codes (in
// brackets).
var (
	// ErrInvalid is returned when the request can never work as written (INVALID_ARGUMENT).
	ErrInvalid = errors.New("invalid request")
	// ErrNotStaged is returned when Publish is called before Stage (FAILED_PRECONDITION).
	ErrNotStaged = errors.New("volume is not staged")
	// ErrNotMounted is returned by Stats, Health and Expand for a path where the volume is not mounted (NOT_FOUND).
	ErrNotMounted = errors.New("volume is not mounted here")
	// ErrConflict is returned when the volume is already staged or published differently (ALREADY_EXISTS).
	ErrConflict = errors.New("incompatible with what is mounted")
	// ErrBusy is returned when another call for the same volume is running (ABORTED).
	ErrBusy = errors.New("operation pending for this volume")
	// ErrUnavailable is returned when servers, bricks or the client do not answer now, or when the servers have no such volume
	// (UNAVAILABLE).
	ErrUnavailable = errors.New("volume is unavailable")
	// ErrTimeout is returned when there is no answer within the limit; a repeated call continues the work (DEADLINE_EXCEEDED).
	ErrTimeout = errors.New("timed out")
)
