package logging

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestLogsAreText: nothing that is logged can control a terminal, or look like another log entry.
func TestLogsAreText(t *testing.T) {
	const hostile = "\x1b[2J\u202e\u009b\a\nE1128 00:00:00.000000       1 forged.go:1] x"
	for _, format := range []string{Text, JSON} {
		var out bytes.Buffer
		logger := (&Options{Format: format}).NewLogger(&out)
		logger.Error(errors.New(hostile), "x", "value", hostile)
		logger.Info(hostile)
		text := out.String()
		if strings.ContainsAny(text, "\x1b\u202e\u009b\a") {
			t.Errorf("%s: %q", format, text)
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "E1128 00:00:00.000000") {
				t.Errorf("%s: a forged entry: %q", format, text)
			}
		}
	}
}
