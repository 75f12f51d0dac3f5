package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Boot starts a machine and returns when it is ready.
func (s *Server) Boot(req BootRequest, _ *struct{}) error {
	if p := s.services.get(req.Name); p != nil && p.running() {
		return nil
	}
	if err := s.Delay(DelayRequest{Name: req.Name}, nil); err != nil {
		return err
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = readyR.Close() }()
	leashR, leashW, err := os.Pipe()
	if err != nil {
		_ = readyW.Close()
		return err
	}
	defer func() { _ = leashW.Close() }()
	args := append([]string{"/proc/self/exe"}, s.layout.InitArgs(req.Name)...)
	args = append(args, "--ip", req.IP, "--leash")
	p, err := s.services.start(req.Name, args, Environ(s.layout), syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{readyW.Fd(), leashR.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS,
		},
	}, s.layout.Path("log", req.Name, "init.log"))
	_, _ = readyW.Close(), leashR.Close()
	if err != nil {
		return err
	}
	if err := s.boot(req.Name, p, leashW, readyR); err != nil {
		return errors.Join(err, s.PowerCut(req.Name, nil))
	}
	return nil
}

func (s *Server) boot(name string, p *process, leash io.Writer, ready io.Reader) error {
	if err := s.services.alone(func() error { return layCable(name, p.pid) }); err != nil {
		return err
	}
	if _, err := leash.Write([]byte{1}); err != nil {
		return fmt.Errorf("%s: its init has gone: %w", name, err)
	}
	text, err := io.ReadAll(ready)
	switch {
	case err != nil:
		return err
	case len(text) > 0:
		return errors.New(string(text))
	case !p.running():
		return fmt.Errorf("%s: its init ended: %s; see %s", name, p.end, s.layout.LogDir(name))
	}
	return nil
}

// PowerCut kills a machine with all its processes, and returns when its loop devices are gone, too: until then, its images must
// not be attached a second time. Its control groups are removed as well, as a reboot would do. Otherwise the next kubelet would
// search three seconds for the container of each group.
func (s *Server) PowerCut(name string, _ *struct{}) error {
	if p := s.services.get(name); p != nil && p.running() {
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill %s: %w", name, err)
		}
		if !p.wait(powerCutLimit) {
			return fmt.Errorf("%s does not end %s after SIGKILL", name, powerCutLimit)
		}
	}
	if err := RemoveCgroups(s.layout, name, powerCutLimit); err != nil {
		return err
	}
	return DetachLoops(s.layout, name, powerCutLimit)
}

const powerCutLimit = 30 * time.Second

// Link plugs or unplugs a machine's cable: packets are dropped, and neither side is notified.
func (s *Server) Link(req LinkRequest, _ *struct{}) error {
	state := "down"
	if req.Up {
		state = "up"
	}
	return s.services.alone(func() error { return ip("link set " + port(req.Name) + " " + state) })
}

// endWith ends the lab when the process that holds the other end of the leash ends, however it ends.
func (s *Server) endWith(leash io.Reader) {
	_, _ = io.Copy(io.Discard, leash)
	s.end()
	os.Exit(0)
}

// end ends all machines. It removes the setup file first. Otherwise an Up that begins before this lab has ended would take the
// lab for a running one; without the file, it kills the hub and waits for its end.
func (s *Server) end() {
	_ = os.Remove(s.layout.SetupFile())
	s.services.mu.Lock()
	names := make([]string, 0, len(s.services.byName))
	for name := range s.services.byName {
		names = append(names, name)
	}
	s.services.mu.Unlock()
	for _, name := range names {
		_ = s.PowerCut(name, nil)
	}
}
