package machine

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// services starts the processes of one machine and, as the init of its PID namespace, reaps them and all orphans.
type services struct {
	mu     sync.Mutex
	byName map[string]*process
	byPid  map[int]*process
}

type process struct {
	pid  int
	done chan struct{} // closed when reaped; end is valid then
	end  string
	// signalled is set if the process was sent a signal, so that its end is intended.
	signalled atomic.Bool
}

func newServices() *services {
	return &services{byName: map[string]*process{}, byPid: map[int]*process{}}
}

func (s *services) start(name string, args, env []string, attr syscall.ProcAttr, logFile string) (*process, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = out.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = null.Close() }()
	attr.Env = env
	attr.Files = append([]uintptr{null.Fd(), out.Fd(), out.Fd()}, attr.Files...)

	// The lock is held over the fork, so that reap cannot find the child before it is registered.
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.byName[name]; p != nil && p.running() {
		return nil, fmt.Errorf("start %s: it runs already as pid %d", name, p.pid)
	}
	pid, err := syscall.ForkExec(args[0], args, &attr)
	if err != nil {
		return nil, fmt.Errorf("start %s: %s: %w", name, args[0], err)
	}
	p := &process{pid: pid, done: make(chan struct{})}
	s.byName[name], s.byPid[pid] = p, p
	return p, nil
}

func (s *services) get(name string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byName[name]
}

// alone runs a function that uses os/exec, and blocks reap meanwhile: os/exec itself must get the exit status of its programs.
func (s *services) alone(run func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return run()
}

// reap waits for all children that have ended.
func (s *services) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		if p := s.byPid[pid]; p != nil {
			p.end = describe(status)
			delete(s.byPid, pid)
			close(p.done)
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wait reports whether the process ended within the limit.
func (p *process) wait(limit time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(limit):
		return false
	}
}

func (p *process) state() ServiceState {
	if p == nil {
		return ServiceState{}
	}
	if p.running() {
		return ServiceState{Running: true, Pid: p.pid}
	}
	return ServiceState{End: p.end}
}
