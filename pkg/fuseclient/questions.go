package fuseclient

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// questions are what clients are being asked. A question to a client that hangs cannot be taken back, and holds a
// goroutine and an OS thread; so there is one of a name at a time, and a caller that gives up leaves nothing behind.
type questions struct {
	mu  sync.Mutex
	all map[string]*question
}

type question struct {
	answered chan struct{} // closed when answer and err are set
	answer   any
	err      error
}

// ask puts the question of that name, or joins the one under way, and waits for the answer as long as limits.ask and ctx
// allow; then it returns ErrTimeout. The name says which client is asked, and what.
func ask[T any](ctx context.Context, m *Manager, name string, put func() (T, error)) (T, error) {
	q := m.asked.coalesce(name, func() (any, error) { return put() })
	timer := time.NewTimer(m.limits.ask)
	defer timer.Stop()
	var none T
	select {
	case <-q.answered:
		answer, _ := q.answer.(T) // nil with an error
		return answer, q.err
	case <-timer.C:
		return none, fmt.Errorf("%w after %s", mount.ErrTimeout, m.limits.ask)
	case <-ctx.Done():
		return none, fmt.Errorf("%w: %w", mount.ErrTimeout, context.Cause(ctx))
	}
}

func (q *questions) coalesce(name string, put func() (any, error)) *question {
	q.mu.Lock()
	defer q.mu.Unlock()
	if running, ok := q.all[name]; ok {
		return running
	}
	if q.all == nil {
		q.all = map[string]*question{}
	}
	asked := &question{answered: make(chan struct{})}
	q.all[name] = asked
	go func() {
		asked.answer, asked.err = put()
		q.mu.Lock()
		delete(q.all, name)
		q.mu.Unlock()
		close(asked.answered)
	}()
	return asked
}
