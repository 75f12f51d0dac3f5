package gluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

// supervisor keeps glusterd running. Bricks and self-heal daemons are separate daemons, which keep running during a restart of
// glusterd.
type supervisor struct {
	runner runner
	limits limits
	args   []string
	asked  chan struct{} // a restart was requested

	mu     sync.Mutex
	status error // why glusterd is not running; nil if it is
}

func newSupervisor(r runner, l limits, args ...string) *supervisor {
	return &supervisor{runner: r, limits: l, args: args, asked: make(chan struct{}, 1), status: errors.New("glusterd waits for the bricks' file systems")}
}

// running returns nil if glusterd runs, and otherwise the reason why it does not.
func (s *supervisor) running() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *supervisor) setStatus(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = err
}

// restartSoon requests a restart. Requests in quick succession cause only one.
func (s *supervisor) restartSoon() {
	select {
	case s.asked <- struct{}{}:
	default:
	}
}

// run starts glusterd, and starts it again when it has ended. When ctx is done, run ends glusterd and returns.
func (s *supervisor) run(ctx context.Context) {
	logger := klog.FromContext(ctx)
	pause := s.limits.backOff
	for restarts := 0; ; restarts++ {
		if ctx.Err() != nil {
			return
		}
		started := time.Now()
		how, asked := s.runOnce(ctx)
		if asked {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) >= s.limits.mostBackOff {
			pause = s.limits.backOff
		}
		s.setStatus(fmt.Errorf("glusterd is not running: %s (its log is /var/log/glusterfs/glusterd.log on this node); the next start is within %s", how, pause))
		logger.Error(nil, "glusterd has ended; restarting it. Bricks are not affected", "status", how, "ran", time.Since(started).Round(time.Millisecond).String(),
			"restarts", restarts+1, "after", pause.String())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, s.limits.mostBackOff)
	}
}

// runOnce runs glusterd until glusterd ends, ctx is done, or a restart is requested. The result how is the status of a glusterd
// that has ended by itself. The result asked reports whether a restart was requested.
func (s *supervisor) runOnce(ctx context.Context) (how string, asked bool) {
	logger := klog.FromContext(ctx)
	p, err := s.runner.Start(s.args...)
	if err != nil {
		return err.Error(), false
	}
	logger.Info("Started glusterd", "pid", p.pid)
	s.setStatus(nil)
	select {
	case <-p.ended:
		return p.how, false
	case <-ctx.Done():
		s.setStatus(errors.New("glusterd is being stopped"))
		s.terminate(ctx, p)
		return "", false
	case <-s.asked:
	}
	select { // more requests may follow
	case <-time.After(s.limits.settle):
	case <-p.ended:
	case <-ctx.Done():
	}
	select {
	case <-s.asked:
	default:
	}
	s.setStatus(errors.New("glusterd is being restarted, since more file systems were mounted"))
	s.terminate(ctx, p)
	return "", true
}

// terminate ends glusterd, first with SIGTERM and then with SIGKILL.
func (s *supervisor) terminate(ctx context.Context, p *process) {
	logger := klog.FromContext(ctx)
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{syscall.SIGTERM, s.limits.glusterdEnd}, {syscall.SIGKILL, s.limits.killed}} {
		if err := s.runner.Signal(p.pid, step.signal); err != nil {
			logger.Error(err, "Cannot end glusterd")
		}
		if p.endedWithin(step.limit) {
			logger.Info("glusterd has ended", "status", p.how)
			return
		}
		logger.Info("glusterd has not ended", "signal", step.signal.String(), "after", step.limit.String())
	}
}
