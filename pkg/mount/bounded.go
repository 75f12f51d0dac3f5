package mount

import (
	"context"
	"fmt"
	"time"
)

// Within runs fn in its own goroutine and returns its result, or ErrTimeout when limit or ctx end first; fn then goes on
// alone. It is not for questions to a FUSE client, which hold the whole process: package fusequery asks those.
func Within[T any](ctx context.Context, limit time.Duration, fn func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := fn()
		done <- result{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
		return none, fmt.Errorf("%w after %s", ErrTimeout, limit)
	case <-ctx.Done():
		return none, fmt.Errorf("%w: %w", ErrTimeout, context.Cause(ctx))
	}
}
