package documents

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Width is the maximum length of a line of prose.
const Width = 120

// Wrap breaks a text into lines of at most Width characters, between words. Code between backquotes is one word.
func Wrap(text string) string { return wrap(text, "") }

// WrapPage wraps the paragraphs and list items of a page that have a line that is too long. Tables, code, headings and comments
// stay as they are: Markdown has no way to break their lines.
func WrapPage(page string) string {
	var wrapped strings.Builder
	var paragraph []string
	fenced := false
	flush := func() {
		wrapped.WriteString(rewrap(paragraph))
		paragraph = nil
	}
	for line := range strings.Lines(page) {
		text := strings.TrimSpace(line)
		fence := strings.HasPrefix(text, "```")
		if fence {
			fenced = !fenced
		}
		switch {
		case fence, fenced, text == "", hasAnyPrefix(text, "|", "#", "<!--"):
			flush()
			wrapped.WriteString(line)
		case item.MatchString(line):
			flush()
			paragraph = append(paragraph, line)
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return wrapped.String()
}

var (
	// item matches the beginning of a list item, or of a quotation.
	item = regexp.MustCompile(`^\s*(?:[-*+] (?:\[[ x]\] )?|\d+\. |> )`)
	// mark matches a word that has another meaning at the beginning of a line.
	mark = regexp.MustCompile(`^(?:(?:[-+*]|#+|\d+[.)]|=+|-+)$|[>|])`)
)

// rewrap wraps a paragraph's lines if one of them is too long.
func rewrap(lines []string) string {
	text := strings.Join(lines, "")
	if !slices.ContainsFunc(lines, TooLong) {
		return text
	}
	begin := item.FindString(text)
	indent := strings.Repeat(" ", len(begin))
	if begin == "" {
		indent = text[:len(text)-len(strings.TrimLeft(text, " "))]
		begin = indent
	}
	return begin + wrap(strings.TrimSpace(text[len(begin):]), indent) + "\n"
}

// TooLong reports whether a line of prose is longer than Width, and can be broken.
func TooLong(line string) bool {
	line = strings.TrimRight(line, "\n")
	return utf8.RuneCountInString(line) > Width && len(words(line[len(item.FindString(line)):])) > 1
}

// wrap breaks a text that begins after an indent into lines, and indents the further lines.
func wrap(text, indent string) string {
	var wrapped strings.Builder
	column := len(indent)
	for i, word := range words(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+length > Width && !mark.MatchString(word):
			wrapped.WriteString("\n" + indent)
			column = len(indent)
		default:
			wrapped.WriteString(" ")
			column++
		}
		wrapped.WriteString(word)
		column += length
	}
	return wrapped.String()
}

// words splits a text at blanks outside backquotes.
func words(text string) (all []string) {
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			all = append(all, word.String())
		}
		word.Reset()
	}
	quoted := false
	for _, r := range strings.ReplaceAll(text, "\n", " ") {
		if r == '`' {
			quoted = !quoted
		}
		if r == ' ' && !quoted {
			end()
		} else {
			word.WriteRune(r)
		}
	}
	end()
	return all
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
