package placement

import (
	"os"
	"os/exec"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// Place is where one process can be started: a thread that is already what the process is to be. To make it takes longer than the
// start, and needs to know nothing of the process.
type Place struct {
	thread osthread.Thread
	cgroup *os.File // of v2, in which the process is born; may be nil
}

// Start starts the process.
func (p *Place) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if p.cgroup != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(p.cgroup.Fd())
	}
	return p.thread.Do(cmd.Start)
}

// Close gives the place up. A process that was started goes on.
func (p *Place) Close() {
	p.thread.End()
	if p.cgroup != nil {
		_ = p.cgroup.Close()
	}
}

// place makes a place in a group, whose thread has called enter.
func (c *cgroups) place(group string, enter func() error) (*Place, error) {
	p := &Place{thread: osthread.New()}
	err := p.thread.Do(func() (err error) {
		if p.cgroup, err = c.enter(group); err == nil {
			err = enter()
		}
		return err
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Prepare makes a place in this container.
func (c *Confinement) Prepare() (*Place, error) { return (&cgroups{}).place("", c.Apply) }
