package database

import (
	"context"
	"time"

	"k8s.io/klog/v2"
)

// Timing sets when a change is saved.
type Timing struct {
	Quiet    time.Duration // wait this long after the last change of a burst
	Longest  time.Duration // wait at most this long after the first change of a burst
	Poll     time.Duration // how often the file is polled, in addition to the kernel's events
	Again    time.Duration // how often save is called without a change, since the Secret may have lost the backup; 0: never
	Retry    time.Duration // wait this long after a failure; doubles up to RetryMax
	RetryMax time.Duration // longest wait after failures
}

// DefaultTiming saves a change within seconds.
func DefaultTiming() Timing {
	// During an operation, Heketi writes its database about twenty times within a few seconds.
	return Timing{Quiet: time.Second, Longest: 15 * time.Second, Poll: 30 * time.Second, Again: time.Hour, Retry: time.Second, RetryMax: time.Minute}
}

// Watch calls save at the beginning, after changes of the file, and every Timing.Again, until ctx is done. It retries a save that
// fails.
func Watch(ctx context.Context, path string, t Timing, save func(context.Context) error) {
	changes := make(chan struct{}, 1)
	notify := func() {
		select {
		case changes <- struct{}{}:
		default: // one is enough: a save covers all earlier changes
		}
	}
	notify()
	go repeat(ctx, t.Again, notify)
	observed := make(chan struct{})
	go func() {
		defer close(observed)
		observe(ctx, path, t.Poll, notify)
	}()
	saveAfterBursts(ctx, changes, t, save)
	<-observed
}

func repeat(ctx context.Context, every time.Duration, notify func()) {
	if every <= 0 {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			notify()
		}
	}
}

func saveAfterBursts(ctx context.Context, changes <-chan struct{}, t Timing, save func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		}
		if !awaitQuiet(ctx, changes, t) || !saveUntilDone(ctx, t, save) {
			return
		}
	}
}

// awaitQuiet waits for the end of a burst of changes. It returns false when ctx is done.
func awaitQuiet(ctx context.Context, changes <-chan struct{}, t Timing) bool {
	end := time.NewTimer(t.Longest)
	defer end.Stop()
	quiet := time.NewTimer(t.Quiet)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-changes:
			quiet.Reset(t.Quiet)
		case <-quiet.C:
			return true
		case <-end.C:
			return true
		}
	}
}

// saveUntilDone retries a save that fails, and logs an error only when it changes. It returns false when ctx is done.
func saveUntilDone(ctx context.Context, t Timing, save func(context.Context) error) bool {
	logger := klog.FromContext(ctx)
	last := ""
	for wait := t.Retry; ; wait = min(2*wait, t.RetryMax) {
		err := save(ctx)
		if err == nil {
			if last != "" {
				logger.Info("Changes of Heketi's database are backed up again")
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if err.Error() != last {
			last = err.Error()
			logger.Error(err, "Heketi's database has changed and could not be backed up; retrying")
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}
