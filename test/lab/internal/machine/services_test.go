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
