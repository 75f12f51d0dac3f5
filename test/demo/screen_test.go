package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScreenIsPlainWithoutColour(t *testing.T) {
	var out strings.Builder
	s := newScreen(&out, false)
	s.hide = strings.NewReplacer("/lab/", "")
	s.title("A title", "    about it")
	s.headline("Do two things")
	s.called("node1", "First path=%s", "/lab/node1/target")
	s.called("node1", "Second")
	s.answer("both done")
	s.field("id", "0123456789abcdef0123456789abcdef")
	s.took(1234 * time.Millisecond)
	s.headline("Do it again")
	s.called("lab", "down")
	s.failed(errors.New("one line\nand another"), "/tmp/log")
	want := `
A title

    about it

 1  Do two things
    called  node1       First path=node1/target
            node1       Second
    answer  both done
            id          012345..
    time    1.23 s

 2  Do it again
    called  lab         down

    FAILED  one line
            and another
    logs    /tmp/log
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestScreenWithColourSaysTheSame(t *testing.T) {
	var plain, coloured strings.Builder
	for out, colour := range map[*strings.Builder]bool{&plain: false, &coloured: true} {
		s := newScreen(out, colour)
		s.headline("Do it")
		s.called("lab", "up")
		s.took(time.Second)
	}
	if !strings.Contains(coloured.String(), "\x1b[") {
		t.Error("no colour at all")
	}
	stripped := strings.NewReplacer(bold, "", dim, "", red, "", normal, "").Replace(coloured.String())
	if diff := cmp.Diff(plain.String(), stripped); diff != "" {
		t.Error(diff)
	}
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Microsecond:   "0.4 ms",
		31400 * time.Microsecond: "31 ms",
		1250 * time.Millisecond:  "1.25 s",
		42 * time.Second:         "42 s",
	} {
		if got := round(d); got != want {
			t.Errorf("round(%d) is %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{66: "66 bytes", 3 << 20: "3.0 MiB", 2 << 30: "2.00 GiB"} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) is %q, want %q", bytes, got, want)
		}
	}
}

func TestProgressTakesAnyPieces(t *testing.T) {
	var out strings.Builder
	p := &progress{screen: newScreen(&out, false)}
	for _, piece := range []string{"lab: pack", "ages   0.1 s\nlab: hub  0.0 s\n", "\nlab: building Heketi\n"} {
		if n, err := p.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	want := "    answer  packages   0.1 s\n            building Heketi\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
