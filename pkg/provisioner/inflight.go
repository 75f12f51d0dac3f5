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

// inflight holds the running creates, deletes, expands and examinations. Each has its own goroutine and outlives the call that
// started it, because Heketi continues the operation, and reports the result only to a client that asks for it.
type inflight struct {
	observer Observer

	mu      sync.Mutex
	running map[string]*operation
	closed  bool
	group   sync.WaitGroup
}

// task describes an operation.
type task struct {
	kind    string // "create", "delete", "expand", "examination"
	subject string // the volume, for messages
	key     string // identifies the volume: one operation per key at a time
	request any    // comparable; only calls with equal requests join
}

func (t task) String() string { return "the " + t.kind + " of " + t.subject }

type operation struct {
	task   task
	cancel context.CancelFunc
	done   chan struct{}
	volume volume.Volume
	err    error
}

func newInflight(observer Observer) *inflight {
	return &inflight{observer: observer, running: map[string]*operation{}}
}

// do runs an operation, or joins an equal one that is already running, and waits for its end or for ctx. ErrBusy is returned when
// ctx ends before the operation, or when another operation on the volume is running.
func (o *inflight) do(ctx context.Context, t task, run func(context.Context) (volume.Volume, error)) (volume.Volume, error) {
	op, err := o.join(ctx, t, run)
	if err != nil {
		return volume.Volume{}, err
	}
	select {
	case <-op.done:
		return op.volume, op.err
	case <-ctx.Done():
		return volume.Volume{}, fmt.Errorf("%w: %s goes on after the call has ended (%w); repeat the call to wait for it",
			volume.ErrBusy, t, context.Cause(ctx))
	}
}

func (o *inflight) join(ctx context.Context, t task, run func(context.Context) (volume.Volume, error)) (*operation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if op, ok := o.running[t.key]; ok {
		if op.task.request != t.request {
			return nil, fmt.Errorf("%w: %s is running for another call; when it has ended, repeat %s", volume.ErrBusy, op.task, t)
		}
		o.observer.Joined(t.kind)
		return op, nil
	}
	if o.closed {
		return nil, fmt.Errorf("%w: %s was not begun because the driver is being stopped", volume.ErrUnavailable, t)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	op := &operation{task: t, cancel: cancel, done: make(chan struct{})}
	o.running[t.key] = op
	ended := o.observer.Operation(t.kind)
	o.group.Go(func() {
		defer ended()
		o.run(ctx, op, run)
	})
	return op, nil
}

func (o *inflight) run(ctx context.Context, op *operation, run func(context.Context) (volume.Volume, error)) {
	defer op.cancel()
	defer func() {
		// The interceptor that catches panics does not cover this goroutine.
		if r := recover(); r != nil {
			op.err = fmt.Errorf("%w: %s: panic: %v", volume.ErrUnavailable, op.task, r)
			klog.FromContext(ctx).Error(op.err, "Operation panicked", "stack", string(debug.Stack()))
		}
		o.mu.Lock()
		delete(o.running, op.task.key)
		o.mu.Unlock()
		close(op.done)
	}()
	op.volume, op.err = run(ctx)
}

func (o *inflight) close(ctx context.Context) error {
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
	<-ended // ends soon: everything that an operation waits for ends with its context
	if len(abandoned) == 0 {
		return nil
	}
	return fmt.Errorf("stopped following %s, which Heketi carries on: %w", strings.Join(abandoned, ", "), context.Cause(ctx))
}

func (o *inflight) abandon() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	tasks := make([]string, 0, len(o.running))
	for _, op := range o.running {
		op.cancel()
		tasks = append(tasks, op.task.String())
	}
	slices.Sort(tasks)
	return tasks
}
