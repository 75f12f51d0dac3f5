package gluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// fakeRunner logs each request and runs nothing.
type fakeRunner struct {
	answers func(ctx context.Context, command string) (string, error) // nil: success without output

	mu       sync.Mutex
	log      []string
	lastPID  int
	started  []*process
	children map[int]*fakeChild
	startErr error
}

// fakeChild is a process that ends on the signals in obeys.
type fakeChild struct {
	name  string
	obeys []syscall.Signal
	left  *fakeChild // its child, which outlives it
	p     *process   // set if it was started by Start
}

func newFakeRunner() *fakeRunner { return &fakeRunner{lastPID: 100, children: map[int]*fakeChild{}} }

// Run implements runner.
func (f *fakeRunner) Run(ctx context.Context, args ...string) ([]byte, error) {
	command := strings.Join(args, " ")
	f.note(command)
	if f.answers == nil {
		return nil, nil
	}
	output, err := f.answers(ctx, command)
	return []byte(output), err
}

// Start implements runner.
func (f *fakeRunner) Start(args ...string) (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, "start "+args[0])
	if f.startErr != nil {
		return nil, f.startErr
	}
	f.lastPID++
	p := &process{pid: f.lastPID, ended: make(chan struct{})}
	f.started = append(f.started, p)
	f.children[p.pid] = &fakeChild{name: args[0], obeys: []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}, p: p}
	return p, nil
}

// Children implements runner.
func (f *fakeRunner) Children() ([]child, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	children := make([]child, 0, len(f.children))
	for pid, c := range f.children {
		children = append(children, child{pid, c.name})
	}
	slices.SortFunc(children, func(a, b child) int { return a.pid - b.pid })
	return children, nil
}

// Signal implements runner.
func (f *fakeRunner) Signal(pid int, signal syscall.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.children[pid]
	if c == nil {
		return nil
	}
	f.log = append(f.log, fmt.Sprintf("%s %s", signal, c.name))
	if slices.Contains(c.obeys, signal) {
		f.remove(pid, "signal "+signal.String())
	}
	return nil
}

// remove ends a child. The caller must hold the lock.
func (f *fakeRunner) remove(pid int, how string) {
	c := f.children[pid]
	delete(f.children, pid)
	if c.left != nil {
		f.lastPID++
		f.children[f.lastPID] = c.left
	}
	if c.p != nil {
		c.p.how = how
		close(c.p.ended)
	}
}

// crash ends the program that was started last.
func (f *fakeRunner) crash(how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(f.started[len(f.started)-1].pid, how)
}

func (f *fakeRunner) adopt(children ...*fakeChild) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range children {
		f.lastPID++
		f.children[f.lastPID] = c
	}
}

func (f *fakeRunner) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, line)
}

// taken returns the log and empties it.
func (f *fakeRunner) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

func (f *fakeRunner) count(line string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.log {
		if l == line {
			n++
		}
	}
	return n
}

// logged returns a context whose logger keeps its messages.
func logged(t *testing.T) (context.Context, func() string) {
	t.Helper()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	underlying, ok := logger.GetSink().(ktesting.Underlier)
	if !ok {
		t.Fatal("no buffer")
	}
	return klog.NewContext(t.Context(), logger), func() string { return underlying.GetBuffer().String() }
}

var errFake = errors.New("exit status 32")
