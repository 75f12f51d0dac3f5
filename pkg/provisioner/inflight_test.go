package provisioner

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func taskOf(key, request string) task {
	return task{kind: "create", subject: key, key: key, request: request}
}

// takes returns an operation that ends after d or with its context, and counts its runs.
func takes(d time.Duration, runs *int) func(context.Context) (volume.Volume, error) {
	return func(ctx context.Context) (volume.Volume, error) {
		*runs++
		select {
		case <-time.After(d):
			return volume.Volume{Name: "made"}, nil
		case <-ctx.Done():
			return volume.Volume{}, ctx.Err()
		}
	}
}

func TestCallsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, runs := newInflight(unobserved{}), 0
		var calls sync.WaitGroup
		for range 16 {
			calls.Go(func() {
				if v, err := o.do(t.Context(), taskOf("key", "request"), takes(time.Hour, &runs)); err != nil || v.Name != "made" {
					t.Errorf("got %v, %v", v, err)
				}
			})
		}
		synctest.Wait()
		_, err := o.do(t.Context(), taskOf("key", "another request"), takes(time.Hour, &runs))
		if !errors.Is(err, volume.ErrBusy) {
			t.Errorf("another request: %v", err)
		}
		if _, err := o.do(t.Context(), taskOf("another key", "request"), takes(time.Minute, &runs)); err != nil {
			t.Errorf("another key: %v", err)
		}
		calls.Wait()
		if runs != 2 {
			t.Errorf("%d operations ran, want 2", runs)
		}
		if _, err := o.do(t.Context(), taskOf("key", "another request"), takes(time.Hour, &runs)); err != nil || runs != 3 {
			t.Errorf("after the end of the first: %v, %d operations", err, runs)
		}
	})
}

// running counts the running operations.
type running struct {
	unobserved
	n atomic.Int64
}

func (r *running) Operation(string) func() {
	r.n.Add(1)
	return func() { r.n.Add(-1) }
}

func TestOperationOutlivesItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var observer running
		o, runs := newInflight(&observer), 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := o.do(ctx, taskOf("x", "request"), takes(time.Hour, &runs))
		if !errors.Is(err, volume.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the create of x goes on") {
			t.Errorf("got %v", err)
		}
		if n := observer.n.Load(); n != 1 {
			t.Errorf("%d operations are reported to run, want 1", n)
		}
		if v, err := o.do(t.Context(), taskOf("x", "request"), takes(time.Hour, &runs)); err != nil || v.Name != "made" || runs != 1 {
			t.Errorf("repeated: %v, %v, %d operations", v, err, runs)
		}
		synctest.Wait()
		if n := observer.n.Load(); n != 0 {
			t.Errorf("%d operations are reported to run after the end", n)
		}
	})
}

func TestPanicEndsOnlyTheOperation(t *testing.T) {
	o := newInflight(unobserved{})
	_, err := o.do(t.Context(), taskOf("key", "request"), func(context.Context) (volume.Volume, error) { panic("oops") })
	if !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
	if err := o.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCloseNamesWhatItAbandons: Close returns when all operations have ended, and names the abandoned ones.
func TestCloseNamesWhatItAbandons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newInflight(unobserved{})
		var ended atomic.Int64
		keys := []string{"c", "f", "a", "e", "b", "d"}
		for _, key := range keys {
			go func() {
				_, _ = o.do(t.Context(), taskOf(key, "request"), func(ctx context.Context) (volume.Volume, error) {
					<-ctx.Done()
					time.Sleep(time.Second)
					ended.Add(1)
					return volume.Volume{}, ctx.Err()
				})
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		const want = "stopped following the create of a, the create of b, the create of c, the create of d, the create of e, the create of f, which"
		if err := o.close(ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("close: %v, want %q", err, want)
		}
		if n := ended.Load(); n != int64(len(keys)) {
			t.Errorf("%d operations have ended, want %d", n, len(keys))
		}
	})
}

func TestCloseWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		patience time.Duration
		want     string // "": all operations have ended
	}{
		"long enough":     {2 * time.Hour, ""},
		"not long enough": {time.Minute, "stopped following the create of key"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, runs := newInflight(unobserved{}), 0
				call := make(chan error, 1)
				go func() {
					_, err := o.do(t.Context(), taskOf("key", "request"), takes(time.Hour, &runs))
					call <- err
				}()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), tc.patience)
				defer cancel()
				closed := make(chan error, 1)
				go func() { closed <- o.close(ctx) }()
				synctest.Wait()
				if _, err := o.do(t.Context(), taskOf("later", "request"), takes(0, &runs)); !errors.Is(err, volume.ErrUnavailable) {
					t.Errorf("begun while closing: %v", err)
				}
				err := <-closed
				if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("close: %v, want %q", err, tc.want)
				}
				if err := <-call; (err == nil) != (tc.want == "") {
					t.Errorf("the operation that ran: %v", err)
				}
			})
		})
	}
}
