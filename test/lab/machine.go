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

// Machine is one of the lab's machines: the hub, a storage node or a client node. Each has the host's file system, with separate
// mounts on top.
type Machine struct {
	lab    *Lab
	client machine.Client
	// Name is "hub", "storage1" or "node1"; all machines can resolve it.
	Name string
	// IP is its address on the lab's network.
	IP string
}

func (l *Lab) machine(name, ip string) *Machine {
	return &Machine{lab: l, client: machine.Client{Layout: l.layout, Name: name}, Name: name, IP: ip}
}

// Hub returns the machine of Heketi and of the controller.
func (l *Lab) Hub() *Machine { return l.machine(machine.Hub, machine.HubIP) }

// Storage returns the i-th GlusterFS node, counted from 1. With bare storage there is also a machine with the number Spare.
func (l *Lab) Storage(i int) *Machine { return l.machine(storageName(i), storageIP(i)) }

// Node returns the i-th client machine, counted from 1.
func (l *Lab) Node(i int) *Machine { return l.machine(nodeName(i), nodeIP(i)) }

// Machines lists all machines, including those that are off. The hub is the first.
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

// Running reports whether the machine is switched on.
func (m *Machine) Running(ctx context.Context) bool {
	_, err := m.client.Pid(ctx)
	return err == nil
}

// Pid returns the process ID of the machine's init on the host. /proc/PID/root is the machine's file system.
func (m *Machine) Pid(ctx context.Context) (int, error) { return m.client.Pid(ctx) }

// Start switches the machine on and waits until its services answer. The only one is glusterd, on a storage machine, and its
// bricks start some seconds later. The node plugin of a client machine is not started. Start does nothing if the machine runs.
func (m *Machine) Start(ctx context.Context) error {
	return m.order(ctx, "Boot", machine.BootRequest{Name: m.Name, IP: m.IP})
}

// PowerCut kills all processes of the machine without a warning. Its disks stay. Unlike in a real power cut, data that was
// written without fsync is not lost, because the kernel lives on.
func (m *Machine) PowerCut(ctx context.Context) error {
	if err := m.order(ctx, "PowerCut", m.Name); err != nil {
		return err
	}
	return m.forgotten(ctx)
}

// forgotten makes the other machines forget the machine's hardware address immediately, as they would after a while. Otherwise
// each connect to this machine would hang for most of a minute, even if the machine comes back earlier.
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

// Unplug cuts the machine's network silently: connections stay open and hang, until Plug or Start.
func (m *Machine) Unplug(ctx context.Context) error {
	return m.order(ctx, "Link", machine.LinkRequest{Name: m.Name})
}

// Plug undoes Unplug.
func (m *Machine) Plug(ctx context.Context) error {
	return m.order(ctx, "Link", machine.LinkRequest{Name: m.Name, Up: true})
}

// Delay makes each packet that the machine sends or receives take that much longer, until Start or a Delay of 0.
func (m *Machine) Delay(ctx context.Context, d time.Duration) error {
	return m.order(ctx, "Delay", machine.DelayRequest{Name: m.Name, Delay: d})
}

func (m *Machine) order(ctx context.Context, method string, args any) error {
	if m.Name == machine.Hub {
		return errors.New("the hub carries the lab: it cannot be switched off or unplugged, only ended with Down")
	}
	return m.lab.hub.Call(ctx, method, args, nil)
}

// Command returns a command that runs a program inside the machine. If ctx ends, the program is killed, not only the wrapper that
// entered the machine. The command fails at its start if the machine is off.
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

// Output runs a program inside the machine and returns its standard output. An error contains its whole output.
func (m *Machine) Output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := output(m.Command(ctx, name, args...), append([]string{m.Name + ":", name}, args...))
	return string(out), err
}

// Signal sends a signal to the program that a Machine.Command started. cmd.Process is only the wrapper that entered the machine:
// killing it would leave the program running as an orphan.
func Signal(cmd *exec.Cmd, sig syscall.Signal) error {
	wrapper := strconv.Itoa(cmd.Process.Pid)
	data, err := os.ReadFile("/proc/" + wrapper + "/task/" + wrapper + "/children")
	children := strings.Fields(string(data))
	if err != nil || len(children) == 0 { // the wrapper has not started the program yet, or has ended
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

// Exec returns the beginning of a shell command line that runs a program inside the machine.
func (m *Machine) Exec() string {
	return m.lab.Labctl("exec", m.Name, "--")
}

// Labctl returns a shell command line, or the beginning of one, that runs labctl for this lab.
func (l *Lab) Labctl(args ...string) string { return shellWords(l.LabctlArgs(args...)...) }

// LabctlArgs returns the same as a list of arguments.
func (l *Lab) LabctlArgs(args ...string) []string {
	return append([]string{l.setup.Labctl, "--dir", l.layout.Dir}, args...)
}
