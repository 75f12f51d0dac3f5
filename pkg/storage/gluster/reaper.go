package gluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"k8s.io/klog/v2"
)

// reaper starts programs and reaps all children that have ended: its own, and the daemons and orphans that the kernel reparents
// to the first process of a container. Only the reaper may wait for children. exec.Cmd would wait for its child, too, and find
// that the reaper has already taken its status; therefore nothing in this package uses exec.Cmd.
type reaper struct {
	logger klog.Logger

	// mu is held while a program is started and while children are reaped or signalled. This gives three guarantees: a program
	// that ends at once is known before it is reaped; a fork whose exec fails is left to syscall.ForkExec; and a signalled
	// process id cannot belong to another process, since an id stays taken until its process is reaped.
	mu    sync.Mutex
	known map[int]*process
}

func newReaper(logger klog.Logger) *reaper { return &reaper{logger: logger, known: map[int]*process{}} }

// run reaps children until ctx is done.
func (r *reaper) run(ctx context.Context) {
	signals := make(chan os.Signal, 1) // one pending signal is enough: each collect reaps all
	signal.Notify(signals, syscall.SIGCHLD)
	defer signal.Stop(signals)
	for {
		r.collect()
		select {
		case <-signals:
		case <-ctx.Done():
			r.collect() // children that ended last
			return
		}
	}
}

// collect reaps the children that have ended.
func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := r.names()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil) // signals interrupt only a call that waits
		if err != nil || pid <= 0 {                                  // ECHILD: there are no children
			return
		}
		how := describe(status)
		if p := r.known[pid]; p != nil {
			delete(r.known, pid)
			p.how = how
			close(p.ended)
			continue
		}
		// Children include the bricks, whose end must be logged.
		r.logger.Info("A process has ended", "name", names[pid], "pid", pid, "status", how)
	}
}

// names returns the names of all children. They must be read before the children are reaped.
func (r *reaper) names() map[int]string {
	names := map[int]string{}
	stats, err := childrenOf("/proc", os.Getpid())
	if err != nil {
		r.logger.Error(err, "Cannot list processes")
	}
	for _, s := range stats {
		names[s.pid] = s.name
	}
	return names
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("signal %d (%s)", status.Signal(), status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// Start implements runner.
func (r *reaper) Start(args ...string) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	defer null.Close()
	return r.start([]*os.File{null, os.Stderr, os.Stderr}, false, args)
}

// start starts a program with these files, in a separate process group if group is set.
func (r *reaper) start(files []*os.File, group bool, args []string) (*process, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	attributes := &syscall.ProcAttr{
		Env: append(os.Environ(), "LC_ALL=C"), // messages are logged, and some are parsed
		Sys: &syscall.SysProcAttr{Setpgid: group},
	}
	for _, f := range files {
		attributes.Files = append(attributes.Files, f.Fd())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, args, attributes) //nolint:gosec // programs of this package
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	p := &process{pid: pid, ended: make(chan struct{})}
	r.known[pid] = p
	return p, nil
}

// Children implements runner.
func (r *reaper) Children() ([]child, error) {
	stats, err := childrenOf("/proc", os.Getpid())
	var children []child
	for _, s := range stats {
		if !s.zombie {
			children = append(children, s.child)
		}
	}
	return children, err
}

// Signal implements runner.
func (r *reaper) Signal(pid int, signal syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, err := readStat("/proc", pid); err != nil || s.parent != os.Getpid() {
		return nil // it has ended and was reaped
	}
	return kill(pid, signal)
}

// signalGroup sends a signal to a process that was started in a separate group, and to that group.
func (r *reaper) signalGroup(p *process, signal syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[p.pid] != p {
		return nil
	}
	return kill(-p.pid, signal)
}

func kill(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", signal, pid, err)
	}
	return nil
}
