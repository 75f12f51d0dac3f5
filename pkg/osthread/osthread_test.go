package osthread

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

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
