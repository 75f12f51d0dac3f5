// Package wait waits for other parts of an installation, and logs each change of what is missing.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// Until calls done every poll until done succeeds. When done's error changes, Until logs it with the message doing. After the
// limit, Until returns an error with the text of the last one, which is not wrapped. When ctx is done earlier, it returns the
// cause. If done returns an error of Final, Until returns the error in it at once.
func Until(ctx context.Context, poll, limit time.Duration, doing string, done func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := ""
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		if last, ok := errors.AsType[final](err); ok {
			return last.error
		}
		if ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			klog.FromContext(ctx).Info(doing, "why", last)
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return context.Cause(ctx)
			}
			if last == "" {
				last = err.Error()
			}
			return fmt.Errorf("not done within %v: %s", limit, last)
		case <-time.After(poll):
		}
	}
}

type final struct{ error }

// Final marks an error that does not go away with time.
func Final(err error) error { return final{err} }
