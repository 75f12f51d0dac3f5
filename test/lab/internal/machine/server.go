package machine

import (
	"context"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"syscall"
	"time"
)

// Server carries out orders inside one machine. Its exported methods have the form that net/rpc requires.
type Server struct {
	layout   Layout
	name     string
	services *services
	delays   delays
}

// Start starts a service.
func (s *Server) Start(spec ServiceSpec, _ *struct{}) error {
	p, err := s.services.start(spec.Name, spec.Args, spec.Env, syscall.ProcAttr{
		Dir: "/", Sys: &syscall.SysProcAttr{Setsid: true},
	}, spec.Log)
	if err == nil && spec.Respawn {
		go s.respawn(spec, p)
	}
	return err
}

const respawnDelay = 300 * time.Millisecond

// respawn starts the service again if p has ended by itself.
func (s *Server) respawn(spec ServiceSpec, p *process) {
	<-p.done
	time.Sleep(respawnDelay)
	if !p.signalled.Load() {
		_ = s.Start(spec, nil) // an error means that another caller has started it meanwhile
	}
}

// Signal sends a signal to a service. It is not an error if the service has ended.
func (s *Server) Signal(req SignalRequest, _ *struct{}) error {
	p := s.services.get(req.Name)
	if p == nil {
		return nil
	}
	p.signalled.Store(true)
	if !p.running() {
		return nil
	}
	if err := syscall.Kill(p.pid, req.Signal); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("signal %s: %w", req.Name, err)
	}
	return nil
}

// Wait returns when the service has ended, or when the time is up with Running still true.
func (s *Server) Wait(req WaitRequest, reply *ServiceState) error {
	p := s.services.get(req.Name)
	if p != nil {
		p.wait(req.Timeout)
	}
	*reply = p.state()
	return nil
}

func (s *Server) serve(listener net.Listener) error {
	server := rpc.NewServer()
	if err := server.RegisterName("Machine", s); err != nil {
		return err
	}
	server.Accept(listener)
	return nil
}

// listen replaces a socket that an earlier run of the machine left behind.
func (s *Server) listen() (net.Listener, error) {
	path := s.layout.Socket(s.name)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
}
