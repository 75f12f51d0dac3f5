// Package plain makes text that servers have written, or that anyone could have written, fit for logs, events and terminals. It
// imports nothing of this module, so that every package may use it.
package plain

import (
	"io"
	"regexp"
	"strings"
	"unicode"
)

// escape is a sequence that a terminal obeys: CSI, as for colours and the cursor, and OSC, as for titles, links and the clipboard.
var escape = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)")

// Line returns the text on one line. It has no more than most bytes, the last three of which are dots if it was longer. Lines are
// joined by semicolons. Control characters, sequences for terminals, invisible characters and those that turn the direction of
// writing around are replaced by blanks, invalid UTF-8 by U+FFFD.
func Line(text string, most int) string {
	text = text[:min(len(text), 64*most)] // enough for sequences that are removed, and bounded work
	text = escape.ReplaceAllString(strings.TrimSpace(text), " ")
	text = strings.TrimSpace(Text(strings.ReplaceAll(text, "\n", "; ")))
	if len(text) <= most {
		return text
	}
	const dots = "..."
	if most < len(dots) {
		return dots[:most]
	}
	// Text has made it valid, so that only a rune that is cut in two is not.
	return strings.ToValidUTF8(text[:most-len(dots)], "") + dots
}

// Text returns the text with a blank for each character that cannot be printed, newlines included.
func Text(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// Writer returns a writer that passes on whole lines, as loggers write them, with a blank for each character that
// cannot be printed. Newlines and tabs stay: loggers set the lines of a value apart.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ to io.Writer }

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		return ' '
	}, string(p))
	if _, err := io.WriteString(w.to, clean); err != nil {
		return 0, err
	}
	return len(p), nil
}
