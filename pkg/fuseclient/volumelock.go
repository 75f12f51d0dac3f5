package fuseclient

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// locks are named locks for which a caller waits only briefly.
type locks struct {
	wait time.Duration
	mu   sync.Mutex
	held map[string]holder
}

type holder struct {
	operation string
	since     time.Time
	released  chan struct{}
}

func (l *locks) acquire(ctx context.Context, key, operation string) (release func(), err error) {
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	for {
		l.mu.Lock()
		other, taken := l.held[key]
		if !taken {
			if l.held == nil {
				l.held = map[string]holder{}
			}
			released := make(chan struct{})
			l.held[key] = holder{operation, time.Now(), released}
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, key)
				l.mu.Unlock()
				close(released)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-other.released:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil, fmt.Errorf("%w: %s of %s is running for %s; call again later",
			mount.ErrBusy, other.operation, key, time.Since(other.since).Round(time.Millisecond))
	}
}
