package machine

import (
	"syscall"
	"time"
)

// ServiceSpec is a process that the init of a machine starts and reaps.
type ServiceSpec struct {
	Name string
	// Args is the whole command line; Args[0] is an absolute path.
	Args []string
	Env  []string
	// Log takes the output; it is appended to.
	Log string
	// Respawn starts the process again when it has ended by itself, as systemd does, until it gets a signal.
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

// ServiceState says what became of a service.
type ServiceState struct {
	Running bool
	// Pid counts in the machine's PID namespace.
	Pid int
	// End is "exit status 1" or "signal: killed", empty while running or never started.
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

// DelayRequest makes a machine's network cable longer: each packet takes that much more time. 0 is the ordinary cable.
type DelayRequest struct {
	Name  string
	Delay time.Duration
}
