package tutorial

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	plain = "\x1b[0m"

	margin = "    "
)

// screen shows what a reader would see.
type screen struct {
	out    io.Writer
	colour bool
	steps  int
}

func (s *screen) paint(style, text string) string {
	if !s.colour {
		return text
	}
	return style + text + plain
}

func (s *screen) headline(text string) {
	s.steps++
	fmt.Fprintf(s.out, "\n%s\n", s.paint(bold, fmt.Sprintf("%2d  %s", s.steps, text)))
}

func (s *screen) prose(lines []string) {
	if len(lines) > 0 {
		fmt.Fprintln(s.out)
	}
	for _, line := range lines {
		fmt.Fprintln(s.out, strings.TrimRight(margin+line, " "))
	}
	fmt.Fprintln(s.out)
}

// commands shows a block behind the prompt of its shell.
func (s *screen) commands(b Block) {
	prompt := "$ "
	if b.Shell == GlusterNode {
		prompt = "gluster-node# "
	}
	for line := range strings.Lines(b.Commands) {
		fmt.Fprintln(s.out, margin+s.paint(bold, prompt+strings.TrimSuffix(line, "\n")))
		prompt = "> "
	}
}

func (s *screen) took(d time.Duration) {
	if d >= time.Second {
		fmt.Fprintln(s.out, s.paint(dim, fmt.Sprintf("%s(%.0f s)", margin, d.Seconds())))
	}
}

// indented shows output as it comes.
func (s *screen) indented() *indented { return &indented{out: s.out} }

type indented struct {
	out  io.Writer
	open bool // in the middle of a line
}

func (w *indented) Write(text []byte) (int, error) {
	for line := range bytes.Lines(text) {
		if !w.open && len(bytes.TrimSpace(line)) > 0 {
			line = append([]byte(margin), line...)
		}
		if _, err := w.out.Write(line); err != nil {
			return 0, err
		}
		w.open = !bytes.HasSuffix(line, []byte("\n"))
	}
	return len(text), nil
}

// end ends the last line.
func (w *indented) end() {
	if w.open {
		fmt.Fprintln(w.out)
	}
}
