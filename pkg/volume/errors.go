package volume

import (
	"errors"
	"fmt"
	"strconv"
)

// The ways in which an operation on a volume can fail. Every error that leaves a
// Provisioner wraps exactly one of them; the driver turns them into gRPC codes in
// one place.
var (
	// ErrInvalid: the request is wrong and stays wrong when it is repeated.
	ErrInvalid = errors.New("invalid argument")
	// ErrOutOfRange: the size cannot be had from this driver, whatever is free.
	ErrOutOfRange = errors.New("size out of range")
	// ErrNotFound: there is no such volume.
	ErrNotFound = errors.New("volume not found")
	// ErrIncompatible: the name belongs to a volume that is not what was asked for.
	ErrIncompatible = errors.New("volume exists with other properties")
	// ErrExhausted: no cluster has room for the volume.
	ErrExhausted = errors.New("no space")
	// ErrBusy: another operation on the same volume is still running; repeat later.
	ErrBusy = errors.New("operation in progress")
	// ErrPrecondition: the volume or cluster is in a state that somebody has to change first.
	ErrPrecondition = errors.New("precondition failed")
	// ErrUnavailable: the backend cannot answer now, or cannot be trusted to.
	ErrUnavailable = errors.New("backend unavailable")
	// ErrFailed: the backend has tried and failed, and nothing of the attempt is left. The same call may succeed later.
	ErrFailed = errors.New("operation failed")
	// ErrUnauthenticated: the backend refuses the credentials. A create has ErrUnavailable and ErrLogin instead.
	ErrUnauthenticated = errors.New("backend refused the credentials")
)

// ErrLogin is wrapped beside ErrUnavailable when the reason is that the backend refuses the credentials.
var ErrLogin = errors.New("login refused")

// FieldError names the field of a request that is wrong, its value, and what is
// allowed there. It wraps ErrInvalid.
type FieldError struct {
	Field   string
	Value   string
	Allowed string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %q is not allowed: %s", e.Field, e.Value, e.Allowed)
}

func (e *FieldError) Unwrap() error { return ErrInvalid }

// Invalid returns a FieldError; allowed is a phrase such as "must be a number from 1 to 3". A long value is cut: a message
// is for reading, and Kubernetes cuts events.
func Invalid(field, value, allowed string) error {
	const longest = 100 // as it is printed, in which a byte that cannot be printed takes four
	short := value[:min(len(value), longest)]
	for len(strconv.Quote(short)) > longest+len(`""`) {
		short = short[:len(short)/2]
	}
	if short != value {
		short += "..."
	}
	return &FieldError{Field: field, Value: short, Allowed: allowed}
}
