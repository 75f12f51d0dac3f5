package documents

import (
	"strings"
	"testing"
)

func TestWrapPage(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 30))
	line := strings.TrimSpace(strings.Repeat("word ", 24)) // 119 characters
	for name, c := range map[string]struct{ page, want string }{
		"a paragraph":                       {long + "\nmore\n", line + "\n" + strings.TrimSpace(strings.Repeat("word ", 6)) + " more\n"},
		"a paragraph that fits":             {line + "\nmore\n", line + "\nmore\n"},
		"an item":                           {"- " + long + "\n- b\n", "- " + line[:114] + "\n  " + strings.TrimSpace(strings.Repeat("word ", 7)) + "\n- b\n"},
		"a task":                            {"- [ ] " + long + "\n", "- [ ] " + line[:114] + "\n      " + strings.TrimSpace(strings.Repeat("word ", 7)) + "\n"},
		"code between backquotes":           {line + " `a b\nc d`\n", line + "\n`a b c d`\n"},
		"code that does not fit":            {long + " `a b`\n" + line[:84] + " `" + line[:40] + "`\n", line + "\n" + strings.Repeat("word ", 6) + "`a b` " + line[:84] + "\n`" + line[:40] + "`\n"},
		"a dash does not begin a line":      {line + " - x\n", line + " -\nx\n"},
		"a table":                           {"| " + long + " |\n", "| " + long + " |\n"},
		"a heading":                         {"# " + long + "\n", "# " + long + "\n"},
		"code":                              {"```\n" + long + "\n```\n", "```\n" + long + "\n```\n"},
		"a word that is too long":           {"- " + strings.Repeat("x", 130) + "\n", "- " + strings.Repeat("x", 130) + "\n"},
		"further paragraphs of an item":     {"- a\n\n  " + long + "\n", "- a\n\n  " + line[:114] + "\n  " + strings.TrimSpace(strings.Repeat("word ", 7)) + "\n"},
		"characters are counted, not bytes": {strings.Repeat("é", 60) + " " + strings.Repeat("é", 59) + "\n", strings.Repeat("é", 60) + " " + strings.Repeat("é", 59) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := WrapPage(c.page)
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if again := WrapPage(got); again != got {
				t.Errorf("a second time it is\n%s", again)
			}
		})
	}
}
