package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestToStatus(t *testing.T) {
	tests := []struct {
		err  error
		want codes.Code
	}{
		{volume.ErrInvalid, codes.InvalidArgument},
		{volume.Invalid("name", "", "must be given"), codes.InvalidArgument},
		{volume.ErrOutOfRange, codes.OutOfRange},
		{volume.ErrNotFound, codes.NotFound},
		{volume.ErrIncompatible, codes.AlreadyExists},
		{volume.ErrExhausted, codes.ResourceExhausted},
		{volume.ErrBusy, codes.Aborted},
		{volume.ErrPrecondition, codes.FailedPrecondition},
		{volume.ErrUnavailable, codes.Unavailable},
		{volume.ErrFailed, codes.Internal},
		{volume.ErrUnauthenticated, codes.Unauthenticated},
		{errToken, codes.Aborted},
		{mount.ErrInvalid, codes.InvalidArgument},
		{mount.ErrNotStaged, codes.FailedPrecondition},
		{mount.ErrNotMounted, codes.NotFound},
		{mount.ErrConflict, codes.AlreadyExists},
		{mount.ErrBusy, codes.Aborted},
		{mount.ErrUnavailable, codes.Unavailable},
		{mount.ErrTimeout, codes.DeadlineExceeded},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{context.Canceled, codes.Canceled},
		// The error of package volume determines the code, not the context's error that it also wraps: the operation goes on.
		{fmt.Errorf("%w: %w", volume.ErrBusy, context.DeadlineExceeded), codes.Aborted},
		{fmt.Errorf("%w: %w", mount.ErrUnavailable, context.Canceled), codes.Unavailable},
		{status.Error(codes.Unimplemented, "no"), codes.Unimplemented},
		{errors.New("anything else"), codes.Internal},
	}
	for _, tt := range tests {
		wrapped := fmt.Errorf("creating volume %q: %w", "x", tt.err)
		for _, err := range []error{tt.err, wrapped} {
			got := toStatus(err)
			if c := status.Code(got); c != tt.want {
				t.Errorf("%v: %s, want %s", err, c, tt.want)
			}
			if status.Convert(got).Message() == "" {
				t.Errorf("%v: the message is lost", err)
			}
		}
	}
}

// TestFinalCodes: external-provisioner forgets a volume after a final code (v6.3.0, pkg/controller/controller.go, checkError). So
// an operation that may still be running must not get one, and an operation that is over must get one, so that its claim may be
// given up.
func TestFinalCodes(t *testing.T) {
	inBackground := []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.Aborted}
	running := []error{
		volume.ErrBusy, volume.ErrUnavailable, mount.ErrBusy, mount.ErrUnavailable, mount.ErrTimeout, context.DeadlineExceeded, context.Canceled,
	}
	over := []error{
		volume.ErrInvalid, volume.ErrOutOfRange, volume.ErrIncompatible, volume.ErrExhausted, volume.ErrPrecondition, volume.ErrFailed,
		volume.ErrUnauthenticated, // which no create or expand returns
	}
	for _, err := range slices.Concat(running, over) {
		if got, want := slices.Contains(inBackground, code(err)), slices.Contains(running, err); got != want {
			t.Errorf("%v: %s; may still be running: %t, want %t", err, code(err), got, want)
		}
	}
}
