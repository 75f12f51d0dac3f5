package machine

import (
	"fmt"
	"os"
	"sync"
)

// Delay makes each packet that the machine sends or receives take longer by the given time; 0 ends the delay. The machine's
// connections survive each change. A machine that is started again has an ordinary cable.
//
// The kernel's own tool, tc's netem, is missing in kernels of small virtual machines.
func (s *Server) Delay(req DelayRequest, _ *struct{}) error {
	s.delays.mu.Lock()
	defer s.delays.mu.Unlock()
	if err := s.undelay(req.Name); err != nil || req.Delay == 0 {
		return err
	}
	near, far := port(req.Name), "d-"+req.Name
	err := s.services.alone(func() error {
		if err := ip("link add "+far+" type veth peer name b-"+req.Name, "link set b-"+req.Name+" master "+bridge+" up"); err != nil {
			return err
		}
		// The hub relays packets between these two devices, and must not process them itself.
		for _, device := range []string{near, far} {
			if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+device+"/arp_ignore", []byte("8"), 0); err != nil {
				return err
			}
		}
		return ip("link set "+far+" up", "link set "+near+" nomaster")
	})
	if err != nil {
		return fmt.Errorf("delay of %s: %w", req.Name, err)
	}
	r, err := newRelay(near, far, req.Delay)
	if err != nil {
		return fmt.Errorf("delay of %s: %w", req.Name, err)
	}
	s.delays.relays[req.Name] = r
	return nil
}

// delays holds the running relays, by machine.
type delays struct {
	mu     sync.Mutex
	relays map[string]*relay
}

// undelay reconnects the machine's cable to the bridge.
func (s *Server) undelay(name string) error {
	r, ok := s.delays.relays[name]
	if !ok {
		return nil
	}
	r.stop()
	delete(s.delays.relays, name)
	return s.services.alone(func() error {
		_ = ip("link set " + port(name) + " master " + bridge) // fails if the machine is off and has no cable
		return ip("link del d-" + name)
	})
}
