package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

// planOf returns a plan with PersistentVolumes a, b, c… and a StorageClass.
func planOf(volumes int) migrate.Plan {
	plan := migrate.Plan{Classes: []migrate.ClassPlan{{Name: "gluster"}}}
	for i := range volumes {
		plan.Volumes = append(plan.Volumes, migrate.VolumePlan{Name: string(rune('a' + i))})
	}
	return plan
}

// screen returns what a terminal shows after a text was written: the last content of each line.
func screen(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		drawn := strings.Split(line, eraseLine)
		lines = append(lines, drawn[len(drawn)-1])
	}
	return strings.Join(lines, "\n")
}

func TestProgressInALog(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, planOf(3), migrate.Selection{}, true)
	for _, r := range []migrate.Result{
		{Name: "a", Outcome: migrate.Migrated, Took: 1234 * time.Millisecond}, {Name: "b", Outcome: migrate.Unchanged}, {Name: "c", Outcome: migrate.Failed, Err: errors.New("no route")},
		{Name: "d", Outcome: migrate.WouldMigrate, Note: "scaled to 0 first: Deployment shop/web"},
	} {
		p.report(r)
	}
	err := p.summarize(false)
	const want = "migrated    a (1.234s)\nunchanged   b (0s)\nfailed      c (0s): no route\nwould migrate d (0s): scaled to 0 first: Deployment shop/web\n" +
		"migrated: 1\nwould migrate: 1\nunchanged: 1\nfailed: 1\n"
	if out.String() != want || err == nil || err.Error() != "1 failed; run the same command again" {
		t.Errorf("%v, got\n%q\nwant\n%q", err, out.String(), want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, planOf(4), migrate.Selection{}, true)
	p.columns = func() int { return 60 }
	shows := func(want string) {
		t.Helper()
		if got := screen(out.String()); got != want {
			t.Errorf("the terminal shows\n%q\nwant\n%q", got, want)
		}
	}
	p.report(migrate.Result{Name: "a", Outcome: migrate.Unchanged})
	shows("[=====                        ] 1/5, a")
	p.report(migrate.Result{Name: "b", Outcome: migrate.Migrated, Took: 2 * time.Second})
	shows("[===========                  ] 2/5, about 6s left, b")
	p.report(migrate.Result{Name: "c", Outcome: migrate.Refused, Err: errors.New("reason in the plan: no")})
	shows("refused     c (0s): reason in the plan: no\n[=================            ] 3/5, about 4s left, c")
	p.report(migrate.Result{Name: "d", Outcome: migrate.Migrated, Note: "its policy stays Retain", Took: 4 * time.Second})
	shows("refused     c (0s): reason in the plan: no\nmigrated    d (4s): its policy stays Retain\n[=======================      ] 4/5, about 3s left, d")
	p.report(migrate.Result{Name: strings.Repeat("x", 100), Outcome: migrate.Migrated})
	if lines := strings.Split(screen(out.String()), "\n"); len(lines[len(lines)-1]) != 59 {
		t.Errorf("%q is too wide for 60 columns", lines[len(lines)-1])
	}
	if err := p.summarize(false); err != nil {
		t.Error(err)
	}
	shows("refused     c (0s): reason in the plan: no\nmigrated    d (4s): its policy stays Retain\nmigrated: 3\nunchanged: 1\nrefused: 1\n")
	out.Reset()
	p.report(migrate.Result{Name: "e", Outcome: migrate.WouldMigrate})
	if got := screen(out.String()); !strings.HasPrefix(got, "would migrate e (0s)\n[") {
		t.Errorf("of a dry run it shows %q", got)
	}
}

// TestProgressOfEndpoints: Endpoints that were not restored are not counted as PersistentVolumes, and make the command fail.
func TestProgressOfEndpoints(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, planOf(1), migrate.Selection{}, false)
	p.report(migrate.Result{Name: "Service shop/a", Outcome: migrate.NotRestored, Err: errors.New("exceeded quota")})
	p.report(migrate.Result{Name: "a", Outcome: migrate.RolledBack})
	err := p.summarize(false)
	const want = "not restored Service shop/a (0s): exceeded quota\nrolled back a (0s)\nrolled back: 1\nnot restored: 1\n"
	if out.String() != want || err == nil || !strings.HasPrefix(err.Error(), "1 Endpoints or Services were not restored") || p.done != 1 {
		t.Errorf("%v, %d done, got\n%q\nwant\n%q", err, p.done, out.String(), want)
	}
}

// TestProgressOfMissing: a missing PersistentVolume is done if it is part of the selection, and not if --only leaves it out.
func TestProgressOfMissing(t *testing.T) {
	p := newProgress(io.Discard, planOf(3), migrate.Selection{Only: []string{"a", "b"}}, true)
	for _, r := range []migrate.Result{
		{Name: "a", Outcome: migrate.Missing, Err: errors.New("its action was edited")}, {Name: "b", Outcome: migrate.Migrated}, {Name: "c", Outcome: migrate.Missing, Err: errors.New("left out")},
	} {
		p.report(r)
	}
	if p.done != 2 || p.total != 2 {
		t.Errorf("%d of %d are done", p.done, p.total)
	}
}

// TestProgressOfSome: --only and --max limit what remains.
func TestProgressOfSome(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, planOf(4), migrate.Selection{Only: []string{"a", "b"}}, true)
	if p.total != 2 {
		t.Errorf("two of four and a class, which is not replaced with --only: %d", p.total)
	}
	p = newProgress(&out, planOf(9), migrate.Selection{Max: 2}, false)
	p.report(migrate.Result{Name: "a", Outcome: migrate.Migrated, Took: 5 * time.Second})
	if p.total != 9 || p.estimate() != ", about 5s left" {
		t.Errorf("one more of %d: %q", p.total, p.estimate())
	}
}

// TestBarNeedsATerminal opens a real terminal.
func TestBarNeedsATerminal(t *testing.T) {
	tty, shown := openTerminal(t)
	t.Setenv("TERM", "xterm")
	p := newProgress(tty, planOf(2), migrate.Selection{}, false)
	p.report(migrate.Result{Name: "a", Outcome: migrate.Migrated})
	if got := shown(); !strings.Contains(got, "] 1/2") || strings.Contains(got, "migrated ") {
		t.Errorf("the terminal got %q", got)
	}
	t.Setenv("TERM", "dumb")
	if terminal(tty) != nil {
		t.Error("a dumb terminal erases no line")
	}
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	t.Setenv("TERM", "xterm")
	if terminal(file) != nil || terminal(io.Discard) != nil {
		t.Error("a file is taken for a terminal")
	}
}

// openTerminal opens a pseudo terminal of 80 columns. shown reads, once, what was written to it.
func openTerminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return tty, func() string {
		content := make([]byte, 4096)
		n, err := screen.Read(content)
		if err != nil {
			t.Fatal(err)
		}
		return string(content[:n])
	}
}
