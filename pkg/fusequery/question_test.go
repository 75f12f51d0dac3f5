package fusequery

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// TestThreadEnded: the state of a thread is found whatever characters its name contains.
func TestThreadEnded(t *testing.T) {
	const dir = "/proc/7/task/8"
	defer mounttest.HideProc(t)()
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll("/proc/7/task/9/stat", 0o755)); err != nil {
		t.Fatal(err)
	}
	for stat, want := range map[string]bool{"8 (x) S 1 7": false, "8 (x) D 1 7": false, "8 (x) Z 1 7": true, "8 (x) X 1 7": true, "8 (x) Z) S 1 7": false, "8 (x)": false, "": false} {
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := threadEnded(7, 8); got != want {
			t.Errorf("%q: %t", stat, got)
		}
	}
	if threadEnded(7, 9) {
		t.Error("a thread whose state cannot be read counts as ended")
	}
	if !threadEnded(7, 10) {
		t.Error("a thread that does not exist counts as running")
	}
}

// TestIsOver: a question is asked again only if its thread is known to have ended.
func TestIsOver(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const none = 1 << 22 // no thread has this number
	for name, tt := range map[string]struct {
		isLate, killed bool
		thread         int
		want           bool
	}{
		"its thread has ended":       {true, true, none, true},
		"its thread is there":        {true, true, self.Pid, false},
		"its thread is unknown":      {true, true, 0, false},
		"time is left":               {false, true, none, false},
		"its process was not killed": {true, false, none, false},
		"it has just been asked":     {false, false, 0, false},
	} {
		q := &question{isLate: tt.isLate, thread: tt.thread, worker: &worker{killed: tt.killed, process: self}}
		if got := q.isOver(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	// A question that is asked again has no thread yet.
	a, q := &Asker{current: newWorker()}, &question{isLate: true, thread: none}
	a.current.killed, a.current.process = true, self
	if a.assign(q); q.isOver() {
		t.Error("it is over before its thread is known")
	}
}

// TestAge: an age has about two digits.
func TestAge(t *testing.T) {
	for long, unit := range map[time.Duration]time.Duration{300 * time.Millisecond: time.Millisecond, 90 * time.Second: time.Second} {
		q := question{began: time.Now().Add(-long)}
		if age := q.age(); age < long || age%unit != 0 {
			t.Errorf("%s becomes %s", long, age)
		}
	}
}
