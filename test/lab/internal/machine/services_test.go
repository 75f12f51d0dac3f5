package machine

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestServicesReapWhatTheyStarted(t *testing.T) {
	for name, c := range map[string]struct {
		script, end string
	}{
		"ends well":  {"exit 0", "exit status 0"},
		"ends badly": {"exit 3", "exit status 3"},
		"is killed":  {"kill -9 $$", "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServices()
			p, err := s.start("x", []string{"/bin/sh", "-c", c.script}, nil, syscall.ProcAttr{}, filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(10 * time.Second); p.running() && time.Now().Before(end); p.wait(time.Millisecond) {
				s.reap()
			}
			if got := s.get("x").state(); got.Running || got.End != c.end {
				t.Errorf("state is %+v, want the end %q", got, c.end)
			}
		})
	}
}

func TestServicesRespawn(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	s := &Server{services: newServices()}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				s.services.reap()
			}
		}
	}()
	spec := ServiceSpec{Name: "x", Args: []string{"/bin/sh", "-c", "echo run; test -e " + dir + "/second || { touch " + dir + "/second; exit 1; }; exec sleep 60"}, Log: log, Respawn: true}
	if err := s.Start(spec, nil); err != nil {
		t.Fatal(err)
	}
	first := s.services.get("x")
	second := first
	for end := time.Now().Add(10 * time.Second); second == first || !second.running(); second = s.services.get("x") {
		if time.Now().After(end) {
			t.Fatal("it was not started again")
		}
		time.Sleep(time.Millisecond)
	}
	if err := s.Signal(SignalRequest{Name: "x", Signal: syscall.SIGKILL}, nil); err != nil {
		t.Fatal(err)
	}
	<-second.done
	time.Sleep(2 * respawnDelay)
	if p := s.services.get("x"); p != second {
		t.Errorf("pid %d was started after the service had been ended by a signal", p.pid)
	}
}

func TestServicesRunOnce(t *testing.T) {
	s := newServices()
	log := filepath.Join(t.TempDir(), "log")
	p, err := s.start("x", []string{"/bin/sleep", "60"}, nil, syscall.ProcAttr{}, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.start("x", []string{"/bin/sleep", "60"}, nil, syscall.ProcAttr{}, log); err == nil {
		t.Error("a second one was started under the same name")
	}
	if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); p.running() && time.Now().Before(end); p.wait(time.Millisecond) {
		s.reap()
	}
	if p.running() {
		t.Error("it was not reaped")
	}
}
