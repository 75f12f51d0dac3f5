package volume

import (
	"errors"
	"strings"
	"testing"
)

const anyID = "0123456789abcdef0123456789abcdef"

func TestParseHandle(t *testing.T) {
	for _, in := range []string{"lab/" + anyID, "b/" + anyID, "heketi-1.example.org/" + anyID, "lab/" + anyID + "/adopted"} {
		h, err := ParseHandle(in)
		if err != nil {
			t.Errorf("ParseHandle(%q): %v", in, err)
			continue
		}
		if h.String() != in {
			t.Errorf("ParseHandle(%q).String() = %q", in, h)
		}
	}
}

func TestParseHandleRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "lab", "lab/", "/" + anyID, anyID, "lab/" + anyID + "/", "lab/" + anyID + "/adopted/", "lab/" + anyID + "/intree", "lab/" + anyID[1:], "lab/" + strings.ToUpper(anyID),
		"Lab/" + anyID, "-lab/" + anyID, "lab-/" + anyID, "../" + anyID, "a/b/" + anyID, "lab /" + anyID,
		strings.Repeat("b", 64) + "/" + anyID, "lab/../../volumes/000000000000000000000",
	} {
		if _, err := ParseHandle(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("ParseHandle(%q): %v, want ErrInvalid", in, err)
		}
	}
}

func FuzzParseHandle(f *testing.F) {
	f.Add("lab/" + anyID)
	f.Add("../" + anyID)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHandle(s)
		if err != nil {
			return
		}
		if h.String() != s {
			t.Errorf("%q reads back as %q", s, h)
		}
		if len(s) > 128 {
			t.Errorf("%q is longer than CSI allows", s)
		}
	})
}
