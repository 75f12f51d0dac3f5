package program

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

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
