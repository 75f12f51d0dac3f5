// Package plain makes text from servers and users safe for logs, events and terminals: Line returns one line of limited length,
// Text sets no limit, and Writer is for logs. Few shortens lists, and Plural writes a count with its noun. The package imports
// nothing of this module, so that every package may use it.
package plain

import (
	"io"
	"regexp"
	"strings"
	"unicode"
)

// escape matches the control sequences of terminals: CSI sequences (colours, the cursor) and OSC sequences (titles, links, the
// clipboard).
var escape = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)")

// Line returns the text as one line of at most limit bytes. A longer text is cut and ends in three dots. Semicolons join the
// lines of the text. Blanks replace control characters, control sequences of terminals, invisible characters, and characters that
// change the direction of writing. U+FFFD replaces invalid UTF-8.
func Line(text string, limit int) string {
	text = text[:min(len(text), 64*limit)] // limits the work, and leaves enough text even if sequences are removed
	text = escape.ReplaceAllString(strings.TrimSpace(text), " ")
	text = strings.TrimSpace(Text(strings.ReplaceAll(text, "\n", "; ")))
	if len(text) <= limit {
		return text
	}
	const dots = "..."
	if limit < len(dots) {
		return dots[:limit]
	}
	// Text has made the text valid, so only a rune that was cut in two is invalid.
	return strings.ToValidUTF8(text[:limit-len(dots)], "") + dots
}

// Text returns the text with a blank for each character that cannot be printed, including newlines.
func Text(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// Writer returns a writer that replaces each unprintable character with a blank. Each Write must contain whole lines, as those of
// loggers do. Newlines and tabs are kept, because loggers use them to format values.
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
