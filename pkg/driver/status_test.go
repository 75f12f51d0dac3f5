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
		// The domain's word counts, not the context that stands behind it: the operation goes on.
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

// What may still be running, or may pass by itself, must not look final to the kubelet and external-provisioner.
func TestTransientErrorsAreNotFinal(t *testing.T) {
	pending := []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Aborted}
	for _, err := range []error{
		volume.ErrBusy, volume.ErrUnavailable, volume.ErrExhausted, mount.ErrBusy, mount.ErrUnavailable, mount.ErrTimeout,
		context.DeadlineExceeded, context.Canceled,
	} {
		if !slices.Contains(pending, code(err)) {
			t.Errorf("%v: %s is final", err, code(err))
		}
	}
}
