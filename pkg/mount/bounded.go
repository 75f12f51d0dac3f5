package mount

import (
	"context"
	"fmt"
	"time"
)

// Within runs fn in a goroutine and returns its result, or ErrTimeout when limit or ctx ends first; fn then continues alone. Do
// not use it for requests to a FUSE client, which keep the whole process from ending; use package fusequery for those.
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
