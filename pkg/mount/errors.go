package mount

import "errors"

// The reasons a Mounter gives. Each error of this package and of a Mounter wraps exactly one; the driver maps them
// to gRPC codes (in brackets).
var (
	// ErrInvalid: the request can never work as written (INVALID_ARGUMENT).
	ErrInvalid = errors.New("invalid request")
	// ErrNotStaged: Publish before Stage (FAILED_PRECONDITION).
	ErrNotStaged = errors.New("volume is not staged")
	// ErrNotMounted: Stats or Health of a path where the volume is not mounted (NOT_FOUND).
	ErrNotMounted = errors.New("volume is not mounted here")
	// ErrConflict: staged or published already, and differently (ALREADY_EXISTS).
	ErrConflict = errors.New("incompatible with what is mounted")
	// ErrBusy: another call for the same volume is running (ABORTED).
	ErrBusy = errors.New("operation pending for this volume")
	// ErrUnavailable: servers, bricks or client do not answer now, or the volume does not exist there (UNAVAILABLE).
	ErrUnavailable = errors.New("volume is unavailable")
	// ErrTimeout: no answer within the limit; repeating the call continues (DEADLINE_EXCEEDED).
	ErrTimeout = errors.New("timed out")
)
