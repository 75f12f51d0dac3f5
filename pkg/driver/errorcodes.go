package driver

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// code returns the gRPC code of an error. This is the only place where errors of package volume become codes; the CSI spec's
// error tables list the codes that callers expect.
//
// A code that is final makes the caller forget the volume. For external-provisioner every code is final except CANCELLED,
// DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED (v6.3.0, pkg/controller/controller.go, checkError); for the kubelet and
// external-resizer RESOURCE_EXHAUSTED is not final either. An operation that may still be running must not be answered with a
// final code.
func code(err error) codes.Code {
	table := []struct {
		err  error
		code codes.Code
	}{
		{nil, codes.OK},
		{volume.ErrInvalid, codes.InvalidArgument},
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
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return row.code
		}
	}
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return codes.Internal
}

// toStatus gives err its gRPC code. A gRPC status, as from an unimplemented method, is returned unchanged.
func toStatus(err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(code(err), err.Error())
}
