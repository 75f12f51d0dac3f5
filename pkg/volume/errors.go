package volume

import (
	"errors"
	"fmt"
	"strconv"
)

// The ways in which an operation on a volume can fail. Every error that a Provisioner returns wraps exactly one of them; the
// driver turns them into gRPC codes in one place.
var (
	// ErrInvalid is returned when the request is wrong and will be wrong again if it is repeated.
	ErrInvalid = errors.New("invalid argument")
	// ErrOutOfRange is returned when this driver cannot provide the size, however much space is free.
	ErrOutOfRange = errors.New("size out of range")
	// ErrNotFound is returned when there is no such volume.
	ErrNotFound = errors.New("volume not found")
	// ErrIncompatible is returned when the name belongs to a volume that differs from the request.
	ErrIncompatible = errors.New("volume exists with other properties")
	// ErrExhausted is returned when no cluster has enough free space for the volume.
	ErrExhausted = errors.New("no space")
	// ErrBusy is returned when another operation on the same volume is still running. The caller should repeat the call later.
	ErrBusy = errors.New("operation in progress")
	// ErrPrecondition is returned when an administrator first has to change the state of the volume or cluster.
	ErrPrecondition = errors.New("precondition failed")
	// ErrUnavailable is returned when the backend cannot answer now, or its answers cannot be trusted.
	ErrUnavailable = errors.New("backend unavailable")
	// ErrFailed is returned when the backend has tried and failed, and nothing of the attempt is left, except that a failed
	// delete may leave the gluster volume stopped. The same call may succeed later.
	ErrFailed = errors.New("operation failed")
	// ErrUnauthenticated is returned when the backend refuses the credentials. Creates and expands return ErrUnavailable and ErrLogin
	// instead.
	ErrUnauthenticated = errors.New("backend refused the credentials")
)

// ErrLogin is wrapped in addition to ErrUnavailable when the reason is that the backend refuses the credentials.
var ErrLogin = errors.New("login refused")

// FieldError names a wrong field of a request, its value, and the allowed values. It wraps ErrInvalid.
type FieldError struct {
	Field   string
	Value   string
	Allowed string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %q is not allowed: %s", e.Field, e.Value, e.Allowed)
}

func (e *FieldError) Unwrap() error { return ErrInvalid }

// Invalid returns a FieldError; allowed is a phrase such as "must be a number from 1 to 3". A long value is truncated to keep the
// message readable, and because Kubernetes truncates events.
func Invalid(field, value, allowed string) error {
	const longest = 100 // of the quoted value, in which an unprintable byte takes four characters
	short := value[:min(len(value), longest)]
	for len(strconv.Quote(short)) > longest+len(`""`) {
		short = short[:len(short)/2]
	}
	if short != value {
		short += "..."
	}
	return &FieldError{Field: field, Value: short, Allowed: allowed}
}
