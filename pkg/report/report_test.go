package report

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestExitCode(t *testing.T) {
	tests := []struct {
		severities []Severity
		want       int
	}{
		{nil, 0},
		{[]Severity{OK, Info}, 0},
		{[]Severity{OK, Warning}, 1},
		{[]Severity{Critical, Warning}, 2},
		{[]Severity{Warning, Critical, OK}, 2},
	}
	for _, tt := range tests {
		var findings []Finding
		for _, s := range tt.severities {
			findings = append(findings, Finding{Severity: s})
		}
		if got := ExitCode(findings); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.severities, got, tt.want)
		}
	}
}

func TestSortKeepsOrderWithinAWeight(t *testing.T) {
	findings := []Finding{{OK, "1", "", "", "", nil}, {Warning, "2", "", "", "", nil}, {Critical, "3", "", "", "", nil},
		{Warning, "4", "", "", "", nil}, {Info, "5", "", "", "", nil}}
	Sort(findings)
	got := make([]string, 0, len(findings))
	for _, f := range findings {
		got = append(got, f.Check)
	}
	if want := []string{"3", "2", "4", "5", "1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	err := WriteText(&out, []Finding{
		{Critical, "key", `backend "a"`, strings.Repeat("some words ", 15), "write the key", []string{"a --b <c>"}},
		{OK, "x", "this", "is good", "", nil},
	})
	want := `CRITICAL  backend "a" (key)
          some words some words some words some words some words some words some words some words some words
          some words some words some words some words some words some words
          Remedy: write the key
            $ a --b <c>

ok        this: is good

1 critical, 0 warning, 0 info, 1 ok
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestNothingMovesTheTerminal: names of volumes and texts of servers cannot control a terminal, and a copied command is the
// visible one.
func TestNothingMovesTheTerminal(t *testing.T) {
	const hostile = "a\x1b[2Jb\u202ec\u009b1d"
	findings := []Finding{{Warning, "c", hostile, hostile, hostile, []string{hostile}}, {OK, "c", hostile, hostile, "", nil}}
	for name, write := range map[string]func(io.Writer, []Finding) error{"text": WriteText, "JSON": WriteJSON} {
		var out bytes.Buffer
		if err := write(&out, findings); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.ContainsAny(text, "\x1b\u202e\u009b") || strings.Contains(text, `\u`) || strings.Count(text, "2Jb") != 6 {
			t.Errorf("%s: %q", name, text)
		}
	}
	if findings[0].Commands[0] != hostile {
		t.Error("the findings themselves were changed")
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJSON(&out, nil); err != nil || out.String() != "[]\n" {
		t.Errorf("nothing found: %v, %q", err, out.String())
	}
	out.Reset()
	findings := []Finding{{Critical, "key", "s", "<m>", "r", []string{"a > b"}}}
	if err := WriteJSON(&out, findings); err != nil || !strings.Contains(out.String(), "a > b") {
		t.Errorf("%v\n%s", err, out.String())
	}
	var back []Finding
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != 1 || back[0].Message != "<m>" {
		t.Errorf("%v, %+v", err, back)
	}
}
