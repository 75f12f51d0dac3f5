package program

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// interruptedIn is the variable that makes this binary run interrupted tests with a lab in the directory that it names.
const interruptedIn = "INTERRUPTED_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(interruptedIn); dir != "" {
		os.Exit(interrupted(dir))
	}
	os.Exit(m.Run())
}

// interrupted runs tests that are interrupted and fail at once, as tests do whose lab is ending.
func interrupted(dir string) int {
	var ended <-chan struct{}
	up := func(ctx context.Context) error {
		ended = ctx.Done()
		return nil
	}
	return Tests("interrupted", dir, up, func() int {
		if err := unix.Kill(os.Getpid(), unix.SIGINT); err != nil {
			return 2
		}
		<-ended
		return 1
	})
}

// TestInterrupted: the program does not exit before the lab has ended, although its tests fail earlier.
func TestInterrupted(t *testing.T) {
	needs.Root(t, "the program ends a lab")
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this binary
	cmd.Env = append(os.Environ(), interruptedIn+"="+t.TempDir())
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(string(out), "has ended and left nothing behind") {
		t.Errorf("status %d: %s", code, out)
	}
}

func TestColour(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	for _, c := range []struct {
		name          string
		out           *os.File
		noColor, term string
		want          bool
	}{
		{"a terminal", terminal, "", "xterm", true},
		{"a file", file, "", "xterm", false},
		{"NO_COLOR", terminal, "1", "xterm", false},
		{"a dumb terminal", terminal, "", "dumb", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		if got := UseColour(c.out); got != c.want {
			t.Errorf("%s: colour %t, want %t", c.name, got, c.want)
		}
	}
}
