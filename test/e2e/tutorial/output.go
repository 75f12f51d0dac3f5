package tutorial

import (
	"fmt"
	"regexp"
	"strings"
)

const anything = "…"

// compare compares the output with the document.
func compare(said, printed string) error {
	var pattern strings.Builder
	pattern.WriteString("^")
	for _, line := range normal(said) {
		if line == anything {
			pattern.WriteString(`(?:[^\n]*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), anything, `[^\n]*`) + `\n`)
	}
	pattern.WriteString("$")
	text := strings.Join(append(normal(printed), ""), "\n")
	matched, err := regexp.MatchString(pattern.String(), text)
	if err != nil {
		return err
	}
	if !matched {
		return fmt.Errorf("what was printed is not what the document says:\n%s", said)
	}
	return nil
}

// normal returns the lines of a text with single blanks, without empty lines at its ends.
func normal(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return lines
}
