package osthread

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mainThread holds the observations of TestMain, the only test function on the main thread.
type mainThread struct {
	thread int  // on which the function was called
	freed  bool // other goroutines can use the main thread afterwards
}

var seen mainThread

func init() { //nolint:gochecknoinits // only an init function can keep TestMain on the main thread
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	onThread(func() { seen.thread = unix.Gettid() })
	runtime.UnlockOSThread()
	// A goroutine that is not locked moves to another thread sooner or later if others block their threads.
	stop := make(chan struct{})
	for range 2 * runtime.GOMAXPROCS(0) {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
				}
			}
		}()
	}
	for deadline := time.Now().Add(10 * time.Second); !seen.freed && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		seen.freed = unix.Gettid() != unix.Getpid()
	}
	close(stop)
	os.Exit(m.Run())
}

// TestFromTheMainThread: the main thread is neither changed nor kept.
func TestFromTheMainThread(t *testing.T) {
	if seen.thread == 0 || seen.thread == unix.Getpid() {
		t.Errorf("the function ran on thread %d of process %d", seen.thread, unix.Getpid())
	}
	if !seen.freed {
		t.Error("the main thread is kept")
	}
}

func TestChangesStayOnTheThread(t *testing.T) {
	before, err := os.Readlink("/proc/self/cwd")
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		err := Run(func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("runs on the main thread")
			}
			return errors.Join(unix.Unshare(unix.CLONE_FS), unix.Chdir("/proc"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if after, err := os.Getwd(); err != nil || after != before {
			t.Fatalf("directory is %q, %v after it, %q before", after, err, before)
		}
	}
}

func TestRunReturnsTheError(t *testing.T) {
	want := errors.New("reason")
	if err := Run(func() error { return want }); !errors.Is(err, want) {
		t.Error(err)
	}
}
