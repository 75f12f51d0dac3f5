package machine

import (
	"syscall"
	"time"
)

// ServiceSpec describes a process that the init of a machine starts and reaps.
type ServiceSpec struct {
	Name string
	// Args is the whole command line; Args[0] is an absolute path.
	Args []string
	Env  []string
	// Log is the file to which the output is appended.
	Log string
	// Respawn restarts the process after it has ended by itself, as systemd does, until it is sent a signal.
	Respawn bool
}

// SignalRequest sends Signal to the service Name.
type SignalRequest struct {
	Name   string
	Signal syscall.Signal
}

// WaitRequest waits at most Timeout for the service Name to end.
type WaitRequest struct {
	Name    string
	Timeout time.Duration
}

// ServiceState describes the state of a service.
type ServiceState struct {
	Running bool
	// Pid is the process ID in the machine's PID namespace.
	Pid int
	// End is "exit status 1" or "signal: killed"; it is empty if the service runs or was never started.
	End string
}

// BootRequest starts a machine on the hub's network.
type BootRequest struct {
	Name string
	// IP is the address of its eth0.
	IP string
}

// LinkRequest plugs or unplugs a machine's network cable at the hub's end.
type LinkRequest struct {
	Name string
	Up   bool
}

// DelayRequest sets the delay of each packet on a machine's network cable. 0 restores the ordinary cable.
type DelayRequest struct {
	Name  string
	Delay time.Duration
}
