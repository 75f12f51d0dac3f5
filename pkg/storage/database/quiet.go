package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// QuietSource is a Heketi that also reports its operations in flight; *heketi.Client implements it.
type QuietSource interface {
	Source
	Operations(ctx context.Context) ([]heketi.Operation, error)
	// Unrecorded returns the number of requests that have begun but are not listed as operations yet.
	Unrecorded(ctx context.Context) (int, error)
}

// QuietTiming sets how long to wait until Heketi has no operation in flight.
type QuietTiming struct{ Poll, Limit time.Duration }

// DefaultQuietTiming waits longer than nearly all operations take.
func DefaultQuietTiming() QuietTiming {
	return QuietTiming{Poll: 2 * time.Second, Limit: 5 * time.Minute}
}

// MakeQuietCopy copies the database while Heketi has no operation in flight. In a copy that was taken during a creation, the new
// volume is unfinished. A Heketi that starts from such a copy would undo the creation, although the volume may be in use by then.
// program is the heketi binary; see MakeCopy. MakeQuietCopy waits at most t.Limit, but returns ErrTooLarge at once.
func MakeQuietCopy(ctx context.Context, from QuietSource, program string, t QuietTiming) (c Copy, err error) {
	err = wait.Until(ctx, t.Poll, t.Limit, "Waiting until Heketi has no operation under way", func(ctx context.Context) error {
		if err := checkQuiet(ctx, from); err != nil {
			return err
		}
		made, err := MakeCopy(ctx, from, program)
		if errors.Is(err, ErrTooLarge) { // another copy would also be too large
			return wait.Final(err)
		}
		if err != nil {
			return err
		}
		c = made
		return checkQuiet(ctx, from) // an operation may have begun since the first check
	})
	if err != nil {
		return Copy{}, fmt.Errorf("take a copy of the database without unfinished volumes: %w", err)
	}
	return c, nil
}

// checkQuiet returns an error while an operation is in flight. It ignores stale and failed operations: they do not end by
// themselves, and their volumes are not in use.
func checkQuiet(ctx context.Context, from QuietSource) error {
	unrecorded, err := from.Unrecorded(ctx)
	if err != nil {
		return err
	}
	if unrecorded > 0 {
		return errors.New("Heketi has begun an operation") //nolint:staticcheck // a name
	}
	operations, err := from.Operations(ctx)
	if err != nil {
		return err
	}
	for _, op := range operations {
		if op.Status == "" {
			return fmt.Errorf("Heketi is running operation %s (%s)", op.ID, op.Type) //nolint:staticcheck // a name
		}
	}
	return nil
}
