// Package wait waits for other parts of an installation. Until calls a function of the caller at an interval, until the function
// succeeds, a time limit is over, or the context is done. Each change of the function's error is logged. After the limit, Until
// returns an error that has the text of the function's last error but wraps none: errors.Is finds neither that error nor
// context.DeadlineExceeded.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// Until calls the function done at once, and again after each pause of length poll, until done returns nil. When the error of done
// changes, Until logs the error, with the parameter doing as the message. After the limit, Until returns an error that has the
// text of the last error but does not wrap it. If ctx is done earlier, Until returns its cause. After the deadline of ctx, the error
// also has the text of the last error. If done returns an error that Final has marked, Until returns the original error at once.
func Until(ctx context.Context, poll, limit time.Duration, doing string, done func(context.Context) error) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(caller, limit)
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
			if last == "" {
				last = err.Error()
			}
			switch {
			case caller.Err() == nil:
				return fmt.Errorf("not done within %v: %s", limit, last)
			case errors.Is(caller.Err(), context.DeadlineExceeded):
				return fmt.Errorf("%w: %s", context.Cause(caller), last)
			}
			return context.Cause(caller)
		case <-time.After(poll):
		}
	}
}

type final struct{ error }

// Final marks an error that does not go away with time.
func Final(err error) error { return final{err} }
