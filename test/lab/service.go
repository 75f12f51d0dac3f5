package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

const (
	readyLimit = 90 * time.Second
	stopLimit  = 30 * time.Second
)

// Service is a server process on one of the machines: Heketi, the controller or a node plugin.
type Service struct {
	machine *Machine
	name    string
	args    []string
	env     []string
	ready   func(context.Context) error
	respawn bool
}

// Program describes the process of a Service.
type Program struct {
	// Name is the name of the service and of its log.
	Name string
	// Args is the whole command line. Args[0] is an absolute path.
	Args []string
	// Env is added to the lab's environment, as "NAME=value".
	Env []string
	// Ready returns nil if the process answers.
	Ready func(context.Context) error
	// Respawn starts the process again after it has ended by itself.
	Respawn bool
}

// Service returns the service that runs a program on the machine, without starting it.
func (m *Machine) Service(program Program) *Service {
	return &Service{
		machine: m, name: program.Name, args: program.Args, env: program.Env, ready: program.Ready, respawn: program.Respawn,
	}
}

// WithEnv returns the same service with more variables, as "NAME=value", for the caller to start. They take precedence over the
// existing ones.
func (s *Service) WithEnv(env ...string) *Service {
	other := *s
	other.env = slices.Concat(env, s.env) // Go programs use the first of two variables with the same name
	return &other
}

// WithArgs returns the same service with more arguments, for the caller to start.
func (s *Service) WithArgs(args ...string) *Service {
	other := *s
	other.args = slices.Concat(s.args, args)
	return &other
}

// Before65 returns the same service for the caller to start, but its process cannot mount beneath a mount, as on Linux before
// 6.5.
func (s *Service) Before65() *Service { return s.disguised("before-6.5") }

// CgroupV2 returns the same service for the caller to start, but its process sees cgroup v2 alone.
func (s *Service) CgroupV2() *Service { return s.disguised("cgroup-v2") }

func (s *Service) disguised(command string) *Service {
	other := *s
	other.args = slices.Concat([]string{s.machine.lab.setup.Labctl, command}, s.args)
	return &other
}

// Start starts the process and waits until it answers.
func (s *Service) Start(ctx context.Context) error {
	spec := machine.ServiceSpec{
		Name: s.name, Args: s.args, Env: append(machine.Environ(s.machine.lab.layout), s.env...), Log: s.Log(),
		Respawn: s.respawn,
	}
	if err := s.machine.client.Call(ctx, "Start", spec, nil); err != nil {
		return err
	}
	return s.WaitReady(ctx)
}

// WaitReady waits until the process answers. It returns an error if the process has ended.
func (s *Service) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		state, stateErr := s.wait(ctx, 20*time.Millisecond)
		if stateErr == nil && !state.Running {
			return fmt.Errorf("%s ended while it was starting (%s); the end of %s:\n%s", s.name, state.End, s.Log(), tail(s.Log()))
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s does not answer: %w; the end of %s:\n%s", s.name, err, s.Log(), tail(s.Log()))
		}
	}
}

// Stop sends SIGTERM and waits for the process to end. It returns an error if the process had to be killed or ended with a status
// other than 0. A process that ended before is not an error.
func (s *Service) Stop(ctx context.Context) error {
	if state, err := s.wait(ctx, 0); err != nil || !state.Running {
		return err
	}
	state, err := s.end(ctx, syscall.SIGTERM)
	if err != nil {
		return err
	}
	if state.Running {
		_, err := s.end(ctx, syscall.SIGKILL)
		return errors.Join(fmt.Errorf("%s did not end within %s of SIGTERM and was killed", s.name, stopLimit), err)
	}
	if state.End != "" && state.End != "exit status 0" {
		return fmt.Errorf("%s ended with %s after SIGTERM", s.name, state.End)
	}
	return nil
}

// Kill sends SIGKILL and waits until the process is gone.
func (s *Service) Kill(ctx context.Context) error {
	state, err := s.end(ctx, syscall.SIGKILL)
	if err == nil && state.Running {
		err = fmt.Errorf("%s does not end %s after SIGKILL", s.name, stopLimit)
	}
	return err
}

// Restart calls Stop and Start.
func (s *Service) Restart(ctx context.Context) error {
	if err := s.Stop(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Running reports whether the process exists.
func (s *Service) Running(ctx context.Context) bool {
	state, err := s.wait(ctx, 0)
	return err == nil && state.Running
}

// Log returns the file with the output of all runs of the process.
func (s *Service) Log() string {
	return filepath.Join(s.machine.lab.layout.LogDir(s.machine.Name), s.name+".log")
}

// Machine returns the machine of the process.
func (s *Service) Machine() *Machine { return s.machine }

// Pid returns the process ID on the host.
func (s *Service) Pid(ctx context.Context) (int, error) {
	state, err := s.wait(ctx, 0)
	if err != nil {
		return 0, err
	}
	if !state.Running {
		return 0, fmt.Errorf("%s does not run", s.name)
	}
	init, err := s.machine.Pid(ctx)
	if err != nil {
		return 0, err
	}
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", init))
	if err != nil {
		return 0, err
	}
	found, err := processes(func(proc string) bool {
		own, err := os.Readlink(proc + "/ns/pid")
		return err == nil && own == space && innermostPid(proc) == state.Pid
	})
	if err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%s: pid %d of %s not found on the host", s.name, state.Pid, s.machine.Name)
	}
	return found[0].pid, nil
}

// innermostPid returns the last number of the NSpid line of /proc/PID/status (proc(5)), or 0.
func innermostPid(proc string) int {
	data, _ := os.ReadFile(proc + "/status")
	for line := range strings.Lines(string(data)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(numbers)
			pid, _ := strconv.Atoi(fields[len(fields)-1])
			return pid
		}
	}
	return 0
}

func (s *Service) end(ctx context.Context, sig syscall.Signal) (machine.ServiceState, error) {
	if err := s.machine.client.Call(ctx, "Signal", machine.SignalRequest{Name: s.name, Signal: sig}, nil); err != nil {
		return machine.ServiceState{}, err
	}
	return s.wait(ctx, stopLimit)
}

func (s *Service) wait(ctx context.Context, limit time.Duration) (machine.ServiceState, error) {
	var state machine.ServiceState
	err := s.machine.client.Call(ctx, "Wait", machine.WaitRequest{Name: s.name, Timeout: limit}, &state)
	return state, err
}

// tail returns the end of a log, for an error message.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
