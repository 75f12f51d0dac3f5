package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestEndOfUntil: the error names the end that came first, that of the limit or that of the caller's context.
func TestEndOfUntil(t *testing.T) {
	errCaller := errors.New("the Job has no more time")
	for name, c := range map[string]struct {
		deadline, cancel time.Duration // of the caller's context
		want             string
		isCaller         bool
	}{
		"the limit":             {time.Hour, time.Hour, "not done within 1m0s: it sleeps", false},
		"the caller's deadline": {30 * time.Second, time.Hour, "the Job has no more time: it sleeps", true},
		"a cancellation":        {time.Hour, 30 * time.Second, "the Job has no more time", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithTimeoutCause(t.Context(), c.deadline, errCaller)
				defer end()
				ctx, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				defer time.AfterFunc(c.cancel, func() { cancel(errCaller) }).Stop()
				err := Until(ctx, 7*time.Second, time.Minute, "Waiting for a pod", func(context.Context) error { return errors.New("it sleeps") })
				if err == nil || err.Error() != c.want || errors.Is(err, errCaller) != c.isCaller {
					t.Errorf("%v, want %s", err, c.want)
				}
			})
		})
	}
}
