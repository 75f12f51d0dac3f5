package machine

import (
	"fmt"
	"os"
	"sync"
)

// Delay makes each packet that the machine sends or gets take longer by the asked time; 0 ends that. The machine's
// connections survive both. A machine that is started anew has its ordinary cable again.
//
// The kernel's own way, tc's netem, is missing in kernels of small virtual machines.
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
		// The hub carries packets between these two, and must not take them for its own.
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

// delays are the relays that carry packets at present, by machine.
type delays struct {
	mu     sync.Mutex
	relays map[string]*relay
}

// undelay puts the machine's cable back into the bridge.
func (s *Server) undelay(name string) error {
	r, ok := s.delays.relays[name]
	if !ok {
		return nil
	}
	r.stop()
	delete(s.delays.relays, name)
	return s.services.alone(func() error {
		_ = ip("link set " + port(name) + " master " + bridge) // a machine that is off has no cable
		return ip("link del d-" + name)
	})
}
