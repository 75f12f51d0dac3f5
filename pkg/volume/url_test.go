package volume

import (
	"errors"
	"strings"
	"testing"
)

func TestNormalizeURL(t *testing.T) {
	tests := map[string]string{
		"http://heketi:8080":     "http://heketi:8080",
		"http://heketi:8080/":    "http://heketi:8080",
		"HTTP://HEKETI:80":       "http://heketi",
		"https://heketi:443//":   "https://heketi",
		"https://10.0.0.1":       "https://10.0.0.1",
		"http://[fd00::1]:8080/": "http://[fd00::1]:8080",
	}
	for in, want := range tests {
		got, err := NormalizeURL("url", in)
		if err != nil || got != want {
			t.Errorf("NormalizeURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestNormalizeURLRefuses(t *testing.T) {
	for _, in := range []string{
		"", "heketi", "heketi:8080", "10.0.0.1:8080", "ftp://heketi", "http://", "http://:8080", "http://heketi/api",
		"http://heketi?x=1", "http://heketi#x", "http://user:secret@heketi:8080", "http://user:secret/1@heketi", "http://user:secret%zz@heketi", "admin:secret@heketi:8080", "http://heketi:port", "\x7f://x",
	} {
		_, err := NormalizeURL("url", in)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("NormalizeURL(%q): %v, want ErrInvalid", in, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("NormalizeURL(%q): %q shows the password", in, err)
		}
	}
}
