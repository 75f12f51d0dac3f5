package fusequery

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestIdleChild: an idle child ends, and the next question starts another one.
func TestIdleChild(t *testing.T) {
	a := newAsker(t)
	a.idleLimit = 500 * time.Millisecond // long enough to see the child
	a.Prepare()
	waitFor(t, "a child without questions", func() bool { return len(children(t)) == 1 })
	for range 2 {
		waitFor(t, "its end", func() bool { return len(children(t)) == 0 })
		if _, err := a.Getattr(t.Context(), long, "s", "/"); err != nil {
			t.Error(err)
		}
	}
}

// TestBusyChildIsNotIdle: the idle time begins with the last answer.
func TestBusyChildIsNotIdle(t *testing.T) {
	a, c := newAsker(t), newClient(t)
	a.idleLimit = 50 * time.Millisecond
	answered := make(chan error, 1)
	go func() {
		_, err := a.Getattr(t.Context(), long, "s", c.path)
		answered <- err
	}()
	c.read()
	select {
	case err := <-answered:
		t.Errorf("it was not waited for: %v", err)
	case <-time.After(4 * a.idleLimit):
	}
	c.end()
	if err := <-answered; !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ENOTCONN) {
		t.Error(err)
	}
}

// TestChildThatDoesNotStart: a child that does not start is killed, and so is the next one; then the caller gets an error.
func TestChildThatDoesNotStart(t *testing.T) {
	started := 0
	a := newAsker(t)
	a.startLimit = 20 * time.Millisecond
	a.Start = func(cmd *exec.Cmd) (func(), error) {
		started++
		cmd.Path, cmd.Args = "/bin/sleep", []string{"sleep", "1000"}
		return func() {}, cmd.Start()
	}
	if _, err := a.Getattr(t.Context(), long, "s", "/"); !errors.Is(err, ErrNotAsked) || errors.Is(err, mount.ErrTimeout) {
		t.Errorf("%v", err)
	}
	if started != maxTries {
		t.Errorf("%d processes were started", started)
	}
}

// TestFailures: errors keep their text, and still wrap the errors that callers compare them with.
func TestFailures(t *testing.T) {
	for _, err := range []error{
		nil, unix.ENOTCONN, mount.ErrNotMounted, errors.New("other"),
		errors.Join(errors.New("words"), unix.ENOENT), errors.Join(errors.New("words"), mount.ErrNotMounted),
	} {
		got := failureOf(err).err()
		if (got == nil) != (err == nil) || err != nil && got.Error() != err.Error() {
			t.Errorf("%v becomes %v", err, got)
		}
		for _, cause := range []error{unix.ENOTCONN, unix.ENOENT, mount.ErrNotMounted} {
			if errors.Is(got, cause) != errors.Is(err, cause) {
				t.Errorf("%v becomes %v: %v", err, got, cause)
			}
		}
	}
}

// TestLongPath: a path that does not fit into a packet leads to an error, and does not disturb other questions.
func TestLongPath(t *testing.T) {
	a := newAsker(t)
	if _, err := a.Getattr(t.Context(), long, "long", "/"+strings.Repeat("x", maxPacket)); !errors.Is(err, ErrNotAsked) || !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("%v", err)
	}
	if _, err := a.Getattr(t.Context(), long, "s", "/"+strings.Repeat("x", 5000)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("%v", err)
	}
}

// TestUnknownQuestion: a question from another version of the driver gets an error.
func TestUnknownQuestion(t *testing.T) {
	if got, opened := reply(request{ID: 7, Kind: "weather"}, nil); got.ID != 7 || opened != nil || got.Failure == nil || !strings.Contains(got.Failure.Text, "weather") {
		t.Errorf("%+v", got)
	}
}

// TestStartedByHand: a child that is started by hand explains what it is.
func TestStartedByHand(t *testing.T) {
	self, err := exec.LookPath("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, Argument)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(says), "only the driver starts") {
		t.Errorf("%v, %q", err, says)
	}
	for _, args := range [][]string{{"glusterfs-csi"}, {"glusterfs-csi", "node"}, {"glusterfs-csi", Argument, "--help"}, {Argument}} {
		if IsChild(args) {
			t.Errorf("%q", args)
		}
	}
}
