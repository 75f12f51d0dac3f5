package plain

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"words", " no space \n", "no space"},
		{"lines", "a\nb\r\nc", "a; b ; c"},
		{"letters of all languages", "größe 容量 שלום", "größe 容量 שלום"},
		{"colours", "\x1b[31mred\x1b[0m", "red"},
		{"the cursor", "ok\x1b[2K\x1b[1Gfailed", "ok  failed"},
		{"a title", "a\x1b]0;evil\x07b", "a b"},
		{"a link", "a\x1b]8;;http://x\x1b\\b", "a b"},
		{"half a sequence", "a\x1b[", "a ["},
		{"a sequence in a sequence", "\x1b[\x1b[31m31mx", "[ 31mx"},
		{"a bell, a backspace and a zero", "a\ab\bc\x00d", "a b c d"},
		{"C1 controls", "a\u009b31mb", "a 31mb"},
		{"directions", "a\u202etxt.exe\u2066b\u200f", "a txt.exe b"},
		{"invisible characters", "a\u200bb\ufeffc\u00add", "a b c d"},
		{"separators", "a\u2028b\u2029c\u0085d", "a b c d"},
		{"invalid UTF-8", "a\xff\xfeb\xc3", "a\ufffd\ufffdb\ufffd"},
	} {
		if got := Line(tt.text, 100); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
	for _, tt := range []struct {
		text  string
		limit int
		want  string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdefg", 6, "abc..."}, {"ab容容", 6, "ab..."}, {"a容容", 6, "a..."}, {"abcd", 2, ".."}, {"abcd", 0, ""},
		{strings.Repeat("x", 10<<20), 10, "xxxxxxx..."},
	} {
		if got := Line(tt.text, tt.limit); got != tt.want {
			t.Errorf("%.20q in %d bytes: %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}

// FuzzLine: any text becomes one line of bounded length that contains no control sequence of a terminal.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\x1b[31mred", "\x1b]0;x\x07", "\u202eabc", "\xff\xc3\x28", strings.Repeat("é", 400), "\x1b\x1b[[mm"} {
		f.Add(seed, 300)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(0, min(limit, 10_000))
		line := Line(text, limit)
		if len(line) > limit || !utf8.ValidString(line) {
			t.Errorf("%q in %d bytes: %q", text, limit, line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Errorf("%q: %q has %q", text, line, line[i:])
		}
		if again := Line(line, limit); again != line {
			t.Errorf("%q becomes %q, and that %q", text, line, again)
		}
	})
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	const entry = "I1128 a=<\n\tx\x1b[31m \u202e\n >\n"
	if n, err := Writer(&out).Write([]byte(entry)); n != len(entry) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if want := "I1128 a=<\n\tx [31m  \n >\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	if n, err := Writer(full{}).Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("of a writer that fails: %d, %v", n, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }
