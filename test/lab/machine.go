package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// Machine is one of the lab's machines: the hub, a storage node or a client node. All have the host's file system, each
// with mounts of its own above it.
type Machine struct {
	lab    *Lab
	client machine.Client
	// Name is "hub", "storage1" or "node1"; it can be resolved on all machines.
	Name string
	// IP is its address on the lab's network.
	IP string
}

func (l *Lab) machine(name, ip string) *Machine {
	return &Machine{lab: l, client: machine.Client{Layout: l.layout, Name: name}, Name: name, IP: ip}
}

// Hub is the machine of Heketi and of the controller.
func (l *Lab) Hub() *Machine { return l.machine(machine.Hub, machine.HubIP) }

// Storage is the i-th GlusterFS node, counted from 1. With bare storage there is also the one with the number Spare.
func (l *Lab) Storage(i int) *Machine { return l.machine(storageName(i), storageIP(i)) }

// Node is the i-th client machine, counted from 1.
func (l *Lab) Node(i int) *Machine { return l.machine(nodeName(i), nodeIP(i)) }

// Machines lists all machines, the hub first, also those that are off.
func (l *Lab) Machines() []*Machine {
	all := []*Machine{l.Hub()}
	for i := 1; i <= l.storageMachines(); i++ {
		all = append(all, l.Storage(i))
	}
	for i := 1; i <= ClientNodes; i++ {
		all = append(all, l.Node(i))
	}
	return all
}

// Running says whether the machine is switched on.
func (m *Machine) Running(ctx context.Context) bool {
	_, err := m.client.Pid(ctx)
	return err == nil
}

// Pid is the machine's init, as the host counts. /proc/PID/root is the machine's file system.
func (m *Machine) Pid(ctx context.Context) (int, error) { return m.client.Pid(ctx) }

// Start switches the machine on and waits until its services answer: glusterd on a storage node, whose bricks follow
// some seconds later. The driver of a client node is not started. A machine that runs is left as it is.
func (m *Machine) Start(ctx context.Context) error {
	return m.order(ctx, "Boot", machine.BootRequest{Name: m.Name, IP: m.IP})
}

// PowerCut ends all processes of the machine at once, without a word to anybody. Its disks stay; what it had written
// without fsync is not lost, unlike in a real power cut, since the kernel lives on.
func (m *Machine) PowerCut(ctx context.Context) error {
	if err := m.order(ctx, "PowerCut", m.Name); err != nil {
		return err
	}
	return m.forgotten(ctx)
}

// forgotten lets the other machines forget the hardware address at once, as they would after a while. Until then each
// connect to this machine takes most of a minute, and one begun now is not noticed by the machine when it comes back.
func (m *Machine) forgotten(ctx context.Context) error {
	for _, other := range m.lab.Machines() {
		if other.Name == m.Name || !other.Running(ctx) {
			continue
		}
		if out, err := other.Command(ctx, "ip", "neigh", "flush", "to", m.IP).CombinedOutput(); err != nil {
			return fmt.Errorf("forget the hardware address of %s on %s: %w: %s", m.Name, other.Name, err, out)
		}
	}
	return nil
}

// Unplug cuts the machine's network silently: connections stay open and hang. It lasts until Plug or Start.
func (m *Machine) Unplug(ctx context.Context) error {
	return m.order(ctx, "Link", machine.LinkRequest{Name: m.Name})
}

// Plug undoes Unplug.
func (m *Machine) Plug(ctx context.Context) error {
	return m.order(ctx, "Link", machine.LinkRequest{Name: m.Name, Up: true})
}

// Delay makes each packet that the machine sends or gets take that much longer, until Start or a Delay of 0.
func (m *Machine) Delay(ctx context.Context, d time.Duration) error {
	return m.order(ctx, "Delay", machine.DelayRequest{Name: m.Name, Delay: d})
}

func (m *Machine) order(ctx context.Context, method string, args any) error {
	if m.Name == machine.Hub {
		return errors.New("the hub carries the lab: it cannot be switched off or unplugged, only ended with Down")
	}
	return m.lab.hub.Call(ctx, method, args, nil)
}

// Command prepares a program that runs inside the machine. When ctx ends the program is killed, not only the wrapper
// that entered the machine. A machine that is off makes the command fail when it is started.
func (m *Machine) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	pid, err := m.client.Pid(ctx)
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		"-t", strconv.Itoa(pid), "-m", "-n", "-u", "-p", "--", name,
	}, args...)...)
	if err != nil {
		cmd.Err = fmt.Errorf("run %s on %s: %w", name, m.Name, err)
	}
	cmd.Cancel = func() error { return Signal(cmd, syscall.SIGKILL) }
	return cmd
}

// Output runs a program inside the machine and gives its standard output. An error carries all that it said.
func (m *Machine) Output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := output(m.Command(ctx, name, args...), append([]string{m.Name + ":", name}, args...))
	return string(out), err
}

// Signal sends a signal to the program that a Machine.Command started. To kill the wrapper that entered the machine,
// which is what cmd.Process is, would leave the program running there as an orphan.
func Signal(cmd *exec.Cmd, sig syscall.Signal) error {
	wrapper := strconv.Itoa(cmd.Process.Pid)
	data, err := os.ReadFile("/proc/" + wrapper + "/task/" + wrapper + "/children")
	children := strings.Fields(string(data))
	if err != nil || len(children) == 0 { // it did not start the program yet, or has ended
		return cmd.Process.Signal(sig)
	}
	for _, child := range children {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// Exec is the beginning of a shell command line that runs a program inside the machine.
func (m *Machine) Exec() string {
	return m.lab.Labctl("exec", m.Name, "--")
}

// Labctl is a shell command line, or the beginning of one, that runs labctl for this lab.
func (l *Lab) Labctl(args ...string) string { return shellWords(l.LabctlArgs(args...)...) }

// LabctlArgs is the same as a list of arguments.
func (l *Lab) LabctlArgs(args ...string) []string {
	return append([]string{l.setup.Labctl, "--dir", l.layout.Dir}, args...)
}
