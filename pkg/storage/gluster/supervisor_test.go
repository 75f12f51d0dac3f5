package gluster

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// supervised runs a supervisor for a test, and ends it afterwards.
func supervised(t *testing.T, run func(s *supervisor, f *fakeRunner, log func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, log := logged(t)
		ctx, cancel := context.WithCancel(ctx)
		f := newFakeRunner()
		s := newSupervisor(f, defaultLimits(), "glusterd", "-N")
		done := make(chan struct{})
		go func() { s.run(ctx); close(done) }()
		synctest.Wait()
		run(s, f, log)
		cancel()
		<-done
		if children, _ := f.Children(); len(children) > 0 && children[0].name == "glusterd" {
			t.Errorf("it has left %v", children)
		}
	})
}

// TestGlusterdThatKeepsDying: glusterd is restarted at growing intervals, until it runs for a while.
func TestGlusterdThatKeepsDying(t *testing.T) {
	supervised(t, func(s *supervisor, f *fakeRunner, log func() string) {
		for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			pause := time.Duration(seconds) * time.Second
			if err := s.running(); err != nil {
				t.Fatalf("start %d: %v", i, err)
			}
			f.crash("exit status 1")
			synctest.Wait()
			if err := s.running(); err == nil || !strings.Contains(err.Error(), "glusterd is not running: exit status 1") || !strings.Contains(err.Error(), "within "+pause.String()) {
				t.Errorf("end %d: %v", i, err)
			}
			time.Sleep(pause - time.Millisecond)
			if got := f.count("start glusterd"); got != i+1 {
				t.Fatalf("%d starts after %d ends", got, i+1)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		f.crash("signal 11 (segmentation fault)")
		time.Sleep(time.Second)
		synctest.Wait()
		if err := s.running(); err != nil {
			t.Errorf("it ran for a minute, and is not started at once: %v", err)
		}
		if !strings.Contains(log(), "segmentation fault") {
			t.Error(log())
		}
	})
}

func TestGlusterdThatCannotBeStarted(t *testing.T) {
	supervised(t, func(s *supervisor, f *fakeRunner, _ func() string) {
		f.mu.Lock()
		f.startErr = errors.Join(fs.ErrNotExist)
		f.mu.Unlock()
		f.crash("exit status 0")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := s.running(); err == nil || !strings.Contains(err.Error(), fs.ErrNotExist.Error()) {
			t.Error(err)
		}
		f.mu.Lock()
		f.startErr = nil
		f.mu.Unlock()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if err := s.running(); err != nil {
			t.Error(err)
		}
	})
}

// TestRestartForFileSystems: several requests cause one restart, without a pause.
func TestRestartForFileSystems(t *testing.T) {
	supervised(t, func(s *supervisor, f *fakeRunner, _ func() string) {
		for range 5 {
			s.restartSoon()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(defaultLimits().settle)
		synctest.Wait()
		if diff := cmp.Diff([]string{"start glusterd", "terminated glusterd", "start glusterd"}, f.taken()); diff != "" {
			t.Error(diff)
		}
		if err := s.running(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if log := f.taken(); len(log) > 0 {
			t.Error(log)
		}
	})
}

// TestGlusterdThatDoesNotEnd: glusterd is killed if it ignores SIGTERM. If it survives even SIGKILL, nothing waits for it.
func TestGlusterdThatDoesNotEnd(t *testing.T) {
	for _, tc := range []struct {
		obeys []syscall.Signal
		takes time.Duration
	}{
		{[]syscall.Signal{syscall.SIGTERM}, 0}, {[]syscall.Signal{syscall.SIGKILL}, 8 * time.Second}, {nil, 13 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, _ := logged(t)
			ctx, cancel := context.WithCancel(ctx)
			f := newFakeRunner()
			s := newSupervisor(f, defaultLimits(), "glusterd")
			done := make(chan struct{})
			go func() { s.run(ctx); close(done) }()
			synctest.Wait()
			f.mu.Lock()
			f.children[f.lastPID].obeys = tc.obeys
			f.mu.Unlock()
			begun := time.Now()
			cancel()
			<-done
			if took := time.Since(begun); took != tc.takes {
				t.Errorf("%v: %s", tc.obeys, took)
			}
			if s.running() == nil {
				t.Error("it seems to run")
			}
		})
	}
}
