package gluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/klog/v2"
)

// reaping runs a reaper until the test ends.
func reaping(t *testing.T) (*reaper, context.Context, func() string) {
	t.Helper()
	ctx, log := logged(t)
	r := newReaper(klog.FromContext(ctx))
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { r.run(running); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return r, ctx, log
}

func TestRunPrograms(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	useFakes(t)
	r, ctx, _ := reaping(t)
	for _, tc := range []struct {
		name   string
		args   []string
		output string
		says   string
	}{
		{"output", []string{"tool", "print", "x"}, strings.Repeat("x", 1<<16), ""},
		{"none", []string{"tool", "nothing"}, "", ""},
		{"failure", []string{"tool", "fail", "no\ndisk"}, "", "tool fail no\ndisk: exit status 3: no; disk"},
		{"failure on standard output", []string{"tool", "complain", "Connection failed."}, "Connection failed.\n", "exit status 1: Connection failed."},
		{"language", []string{"tool", "environment", "LC_ALL"}, "C", ""},
		{"a daemon with its output", []string{"tool", "leave"}, "left", ""},
		{"no program", []string{"missing-program"}, "", "start missing-program: exec:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			output, err := r.Run(ctx, tc.args...)
			if string(output) != tc.output {
				t.Errorf("%q", output[:min(len(output), 100)])
			}
			mustSay(t, err, tc.says)
		})
	}
	if _, err := r.start(nil, false, []string{"/dev/null"}); err == nil {
		t.Error("started what is no program")
	}
	if err := syscall.Access("/proc/self", 0); err != nil {
		t.Error(err)
	}
}

// TestManyPrograms: of many programs that run concurrently and end immediately, each call gets the status of the program that it
// started.
func TestManyPrograms(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	useFakes(t)
	r, ctx, _ := reaping(t)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 8 {
				says := fmt.Sprintf("%d of %d", i, worker)
				if _, err := r.Run(ctx, "tool", "fail", says); err == nil || !strings.HasSuffix(err.Error(), "exit status 3: "+says) {
					t.Error(err)
				}
				if _, err := r.Run(ctx, "/dev/null"); !errors.Is(err, fs.ErrPermission) { // fork succeeds, exec fails
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if children, err := r.Children(); err != nil || len(children) > 0 || len(r.known) > 0 {
		t.Errorf("%v, %v, %v", children, r.known, err)
	}
}

// TestProgramsThatTakeTooLong: programs that exceed the limit are ended with their children, by SIGKILL if needed.
func TestProgramsThatTakeTooLong(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	useFakes(t)
	r, ctx, _ := reaping(t)
	for _, name := range []string{"family", "stubborn"} {
		begun := time.Now()
		err := within(ctx, time.Second, r, "tool", name)
		mustSay(t, err, "tool "+name+": did not end within 1s")
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		waitFor(t, "the end of "+name, func() bool {
			children, err := r.Children()
			return err == nil && len(children) == 0
		})
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.Run(ended, "tool", "print", "x"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestOrphans: orphans are reaped and named, and signals reach only children.
func TestOrphans(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	state := useFakes(t)
	r, ctx, log := reaping(t)
	if _, err := r.Run(ctx, "daemonize", "glusterfsd"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the brick", func() bool { return state.pid("brick") != 0 })
	brick := state.pid("brick")
	children, err := r.Children()
	if err != nil || len(children) != 1 || children[0] != (child{brick, "glusterfsd"}) {
		t.Fatalf("%v, %v", children, err)
	}
	if err := r.Signal(brick, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	waitFor(t, "its end", func() bool { return errors.Is(syscall.Kill(brick, 0), syscall.ESRCH) })
	waitFor(t, "the log", func() bool {
		return strings.Contains(log(), fmt.Sprintf("A process has ended name=\"glusterfsd\" pid=%d status=\"signal 9 (killed)\"", brick))
	})
	for _, pid := range []int{brick, os.Getpid()} { // a process that is gone, and one that is not a child
		if err := r.Signal(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}

// TestOnlyOneWaits: no code uses exec.Cmd, os.Process.Wait or a second wait4, which would compete with the reaper for the status
// of children.
func TestOnlyOneWaits(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	waits := regexp.MustCompile(`exec\.Command|exec\.Cmd\{|os\.StartProcess|os\.FindProcess|Wait4\(`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, want := len(waits.FindAll(source, -1)), map[string]int{"reaper.go": 1}[file]; n != want {
			t.Errorf("%s: %d, want %d", file, n, want)
		}
	}
}

// TestOpenFiles: programs get the limit that is asked for, or a higher one that the runtime sets for the container. The limits
// are low, because raising the hard limit needs CAP_SYS_RESOURCE.
func TestOpenFiles(t *testing.T) {
	if !asFirstProcess(t) {
		return
	}
	r, ctx, _ := reaping(t)
	for _, tc := range []struct {
		soft, hard uint64
		want       string
	}{{512, 4096, "2048"}, {3072, 4096, "3072"}, {512, 1024, "1024"}} {
		limit := syscall.Rlimit{Cur: tc.soft, Max: tc.hard}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		raiseOpenFiles(ctx, 2048)
		output, err := r.Run(ctx, "sh", "-c", "ulimit -n")
		if err != nil || strings.TrimSpace(string(output)) != tc.want {
			t.Errorf("%d of %d: %s, %v", tc.soft, tc.hard, output, err)
		}
	}
}
