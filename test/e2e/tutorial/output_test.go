package tutorial

import "testing"

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		said, printed string
		same          bool
	}{
		"the same":                  {"one\ntwo\n", "one\ntwo\n", true},
		"other blanks":              {"NAME  AGE\n", "NAME       AGE   \n", true},
		"empty lines at the ends":   {"one\n", "\none\n\n", true},
		"no last newline":           {"one\n", "one", true},
		"anything in a line":        {"pod/web-… created\n", "pod/web-6d4f created\n", true},
		"nothing in a line":         {"pod/web… created\n", "pod/web created\n", true},
		"any lines":                 {"first\n…\nlast\n", "first\n2\n3\nlast\n", true},
		"no lines":                  {"first\n…\nlast\n", "first\nlast\n", true},
		"any lines first":           {"…\nlast\n", "1\n2\nlast\n", true},
		"anything at all":           {"…\n", "1\n2\n", true},
		"a special character":       {"a.c (1)\n", "a.c (1)\n", true},
		"another line":              {"one\n", "two\n", false},
		"a special character: none": {"a.c\n", "abc\n", false},
		"a line more":               {"one\n", "one\ntwo\n", false},
		"a line less":               {"one\ntwo\n", "one\n", false},
		"a part of a line":          {"one\n", "one and a half\n", false},
		"anything ends at the line": {"a … c\n", "a b\nc\n", false},
		"nothing was printed":       {"one\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := compare(c.said, c.printed); (err == nil) != c.same {
				t.Errorf("compare: %v", err)
			}
		})
	}
}
