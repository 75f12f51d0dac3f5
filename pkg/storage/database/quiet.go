package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// QuietSource is a Heketi that says what it is doing; *heketi.Client implements it.
type QuietSource interface {
	Source
	Operations(ctx context.Context) ([]heketi.Operation, error)
	// Unrecorded returns how many requests have begun and are not among the operations yet.
	Unrecorded(ctx context.Context) (int, error)
}

// QuietTiming says how long to wait for a Heketi without an operation under way.
type QuietTiming struct{ Poll, Limit time.Duration }

// DefaultQuietTiming is longer than nearly all operations.
func DefaultQuietTiming() QuietTiming {
	return QuietTiming{Poll: 2 * time.Second, Limit: 5 * time.Minute}
}

// TakeQuiet makes a copy while Heketi has no operation under way. In a copy from the midst of a creation, the volume is unfinished:
// a Heketi that starts with it would undo the creation, and by then the volume may be in use.
func TakeQuiet(ctx context.Context, from QuietSource, t QuietTiming) (c Copy, err error) {
	err = wait.Until(ctx, t.Poll, t.Limit, "Waiting until Heketi has no operation under way", func(ctx context.Context) error {
		if err := checkQuiet(ctx, from); err != nil {
			return err
		}
		taken, err := Take(ctx, from)
		if err != nil {
			return err
		}
		c = taken
		return checkQuiet(ctx, from) // one may have begun before the copy
	})
	if err != nil {
		return Copy{}, fmt.Errorf("take a copy of the database that has no unfinished volume: %w", err)
	}
	return c, nil
}

// checkQuiet leaves out operations that are stale or failed: they do not end by themselves, and no volume is in use by them.
func checkQuiet(ctx context.Context, from QuietSource) error {
	unrecorded, err := from.Unrecorded(ctx)
	if err != nil {
		return err
	}
	if unrecorded > 0 {
		return errors.New("Heketi begins with an operation") //nolint:staticcheck // a name
	}
	operations, err := from.Operations(ctx)
	if err != nil {
		return err
	}
	for _, op := range operations {
		if op.Status == "" {
			return fmt.Errorf("Heketi has operation %s (%s) under way", op.ID, op.Type) //nolint:staticcheck // a name
		}
	}
	return nil
}
