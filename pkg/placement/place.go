package placement

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// Client describes a client that is to be started at a place.
type Client struct {
	Name  string // of its cgroup
	Log   string // the only log that it can write, which must exist
	Mount string // where it mounts its volume
	Group uint32 // its group id, see Groups
}

// Place is a place in which one process can be started: a thread that already has the process's root directory, privileges and
// cgroups. Making a place takes longer than starting the process, and is independent of the process.
type Place struct {
	thread osthread.Thread
	cgroup *os.File   // v2 group in which the process is created; may be nil
	gate   *mountGate // nil if the process is not confined, or cannot be supervised
	failed chan error // that of the gate
}

// Start starts the process.
func (p *Place) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if p.cgroup != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(p.cgroup.Fd())
	}
	err := p.thread.Do(cmd.Start)
	if err == nil && p.gate != nil {
		gate := p.gate
		p.gate, p.failed = nil, gate.failed
		go func() { gate.report(gate.mountOnce()) }()
	}
	return err
}

// MountError returns the reason if this process could not make the mount that the client asked for; the client itself gets only
// an error number. If continued is set, the client was allowed to make the mount itself. The reason is returned only once.
// MountError may be called after Close.
func (p *Place) MountError() (continued bool, err error) {
	select {
	case err = <-p.failed:
		return errors.Is(err, errHidden), err
	default:
		return false, nil
	}
}

// Do calls fn on the place's thread. The thread has the user and group of the process, and so may set limits of the process
// without CAP_SYS_RESOURCE.
func (p *Place) Do(fn func() error) error { return p.thread.Do(fn) }

// Close releases the place. A process that was started keeps running.
func (p *Place) Close() {
	if p.gate != nil {
		p.gate.close()
	}
	p.thread.End()
	if p.cgroup != nil {
		_ = p.cgroup.Close()
	}
}

// place makes a place in a group, and calls enter on its thread.
func (c *cgroups) place(group string, enter func() (*mountGate, error)) (*Place, error) {
	p := &Place{thread: osthread.New()}
	err := p.thread.Do(func() (err error) {
		if p.cgroup, err = c.enter(group); err == nil {
			p.gate, err = enter()
		}
		return err
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// unconfined is the function for a place without restrictions.
func unconfined() (*mountGate, error) { return nil, nil } //nolint:nilnil // no gate

// Prepare makes a place for a client in this container. Such a client has no cgroup, and can write all logs.
func (c *Confinement) Prepare(client Client) (*Place, error) {
	return (&cgroups{}).place("", func() (*mountGate, error) { return c.apply(client) })
}
