package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// screen prints the steps. It prints lines immediately, so that a step that hangs shows where.
type screen struct {
	out    io.Writer
	colour bool
	hide   *strings.Replacer // replaces long texts without information
	steps  int
	label  string // the label of the previous line, which is not repeated
}

func newScreen(out io.Writer, colour bool) *screen {
	return &screen{out: out, colour: colour, hide: strings.NewReplacer()}
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	normal = "\x1b[0m"
)

func (s *screen) paint(style, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return style + text + normal
}

// title starts the demo's output.
func (s *screen) title(text string, about ...string) {
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint(bold, text))
	for _, line := range about {
		fmt.Fprintln(s.out, line)
	}
}

// headline starts a step.
func (s *screen) headline(text string) {
	s.steps++
	s.label = ""
	fmt.Fprintf(s.out, "\n%s\n", s.paint(bold, fmt.Sprintf("%2d  %s", s.steps, text)))
}

// called prints a call and its receiver.
func (s *screen) called(who, format string, args ...any) {
	s.line("called", fmt.Sprintf("%-10s  ", who)+fmt.Sprintf(format, args...))
}

// answer prints an answer.
func (s *screen) answer(format string, args ...any) { s.line("answer", fmt.Sprintf(format, args...)) }

// field prints an answer with a label.
func (s *screen) field(name, format string, args ...any) {
	s.line("answer", fmt.Sprintf("%-10s  ", name)+fmt.Sprintf(format, args...))
}

// took ends a step.
func (s *screen) took(d time.Duration) { s.line("time", round(d)) }

// failed ends the last step.
func (s *screen) failed(err error, hint string) {
	fmt.Fprintln(s.out)
	for i, line := range strings.Split(s.shorten(err.Error()), "\n") {
		label := ""
		if i == 0 {
			label = "FAILED"
		}
		fmt.Fprintf(s.out, "    %s%s\n", s.paint(red, fmt.Sprintf("%-8s", label)), line)
	}
	fmt.Fprintf(s.out, "    %-8s%s\n", "logs", hint)
}

// summary ends the demo's output.
func (s *screen) summary(headline string, lines ...string) {
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint(bold, headline))
	for _, line := range lines {
		fmt.Fprintf(s.out, "    %s\n", line)
	}
	fmt.Fprintln(s.out)
}

func (s *screen) line(label, text string) {
	shown := label
	if label == s.label {
		shown = ""
	}
	s.label = label
	fmt.Fprintf(s.out, "    %s%s\n", s.paint(dim, fmt.Sprintf("%-8s", shown)), strings.TrimRight(s.shorten(text), " "))
}

var longID = regexp.MustCompile(`([0-9a-f]{6})[0-9a-f]{14,}`)

// shorten shortens ids and digests to the length that tells them apart.
func (s *screen) shorten(text string) string {
	return longID.ReplaceAllString(s.hide.Replace(text), "$1..")
}

// round rounds a duration for people: 31 ms, 1.25 s.
func round(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// size formats a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", bytes)
}
