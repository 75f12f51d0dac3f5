package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// full is a full disk.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritingFails(t *testing.T) {
	findings := []Finding{{OK, "x", "this", "is good", "", nil}}
	if err := WriteText(full{}, findings); !errors.Is(err, errFull) {
		t.Errorf("text: %v", err)
	}
	if err := WriteJSON(full{}, findings); !errors.Is(err, errFull) {
		t.Errorf("JSON: %v", err)
	}
}

// TestLongWords: a long word gets a separate line, and no empty line precedes it.
func TestLongWords(t *testing.T) {
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		long:             "          " + long + "\n",
		"a " + long:      "          a\n          " + long + "\n",
		long + " a":      "          " + long + "\n          a\n",
		"a\x1b[31m\r\nb": "          a [31m b\n",
		strings.Repeat("x", 50) + " " + strings.Repeat("y", 49): "          " + strings.Repeat("x", 50) + " " + strings.Repeat("y", 49) + "\n",            // 110 letters
		strings.Repeat("x", 50) + " " + strings.Repeat("y", 50): "          " + strings.Repeat("x", 50) + "\n          " + strings.Repeat("y", 50) + "\n", // 111
	} {
		var out strings.Builder
		if paragraph(&out, "", text); out.String() != want {
			t.Errorf("%.40q: %q", text, out.String())
		}
	}
}

func TestNothingIsGood(t *testing.T) {
	var out bytes.Buffer
	if err := WriteText(&out, []Finding{{Info, "c", "s", "m", "", nil}}); err != nil || out.String() != "INFO      s (c)\n          m\n\n0 critical, 0 warning, 1 info, 0 ok\n" {
		t.Errorf("%v: %q", err, out.String())
	}
	out.Reset()
	if err := WriteJSON(&out, []Finding{{OK, "c", "s", "m", "", nil}}); err != nil || !strings.HasPrefix(out.String(), "[\n  {\n    ") {
		t.Errorf("%v: %q, want it indented", err, out.String())
	}
}
