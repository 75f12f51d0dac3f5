package provisioner

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// operations are the creates and deletes that run. Each has its own goroutine and outlives
// the call that started it, because Heketi's side of it does, and because only somebody
// who asks for its end learns of it.
type operations struct {
	mu      sync.Mutex
	running map[string]*operation
	closed  bool
	group   sync.WaitGroup
}

type operation struct {
	request any // comparable
	cancel  context.CancelFunc
	done    chan struct{}
	volume  volume.Volume
	err     error
}

func newOperations() *operations {
	return &operations{running: map[string]*operation{}}
}

// do runs an operation, or joins the one of that key which runs already, and waits for
// its end or for ctx. ErrBusy: it goes on, or the running one was for another request.
func (o *operations) do(ctx context.Context, key string, request any, run func(context.Context) (volume.Volume, error)) (volume.Volume, error) {
	op, err := o.join(ctx, key, request, run)
	if err != nil {
		return volume.Volume{}, err
	}
	select {
	case <-op.done:
		return op.volume, op.err
	case <-ctx.Done():
		return volume.Volume{}, fmt.Errorf("%w: %s goes on after the call has ended (%w); repeat the call to wait for it",
			volume.ErrBusy, key, context.Cause(ctx))
	}
}

func (o *operations) join(ctx context.Context, key string, request any, run func(context.Context) (volume.Volume, error)) (*operation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if op, ok := o.running[key]; ok {
		if op.request != request {
			return nil, fmt.Errorf("%w: %s is running for a call with other parameters; repeat the call when that has ended",
				volume.ErrBusy, key)
		}
		return op, nil
	}
	if o.closed {
		return nil, fmt.Errorf("%w: %s was not begun because the driver is being stopped", volume.ErrUnavailable, key)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	op := &operation{request: request, cancel: cancel, done: make(chan struct{})}
	o.running[key] = op
	o.group.Go(func() {
		o.run(ctx, key, op, run)
	})
	return op, nil
}

func (o *operations) run(ctx context.Context, key string, op *operation, run func(context.Context) (volume.Volume, error)) {
	defer op.cancel()
	defer func() {
		// The interceptor that catches panics is not on this goroutine's stack.
		if r := recover(); r != nil {
			op.err = fmt.Errorf("%w: %s: panic: %v", volume.ErrUnavailable, key, r)
			klog.FromContext(ctx).Error(op.err, "Operation panicked", "stack", string(debug.Stack()))
		}
		o.mu.Lock()
		delete(o.running, key)
		o.mu.Unlock()
		close(op.done)
	}()
	op.volume, op.err = run(ctx)
}

func (o *operations) close(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		o.group.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	abandoned := o.abandon()
	<-ended // soon: everything that an operation waits for ends with its context
	if len(abandoned) == 0 {
		return nil
	}
	return fmt.Errorf("stopped following %s, which Heketi carries on: %w", strings.Join(abandoned, ", "), context.Cause(ctx))
}

func (o *operations) abandon() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := make([]string, 0, len(o.running))
	for key, op := range o.running {
		op.cancel()
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
