package machine

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestEnd: the setup file is gone before the machines end, however long they take.
func TestEnd(t *testing.T) {
	layout := Layout{Dir: t.TempDir()}
	s := &Server{layout: layout, services: newServices()}
	if err := os.WriteFile(layout.SetupFile(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	machine, err := s.services.start("node1", []string{"/bin/sleep", "600"}, nil, syscall.ProcAttr{}, filepath.Join(layout.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { s.end(); close(ended) }()
	// Without reap, the machine has not ended for the hub.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(layout.SetupFile()); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Error("the setup file is there while the machines end")
			break
		}
	}
	for machine.running() {
		s.services.reap()
		time.Sleep(time.Millisecond)
	}
	<-ended
}
