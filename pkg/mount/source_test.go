package mount

import (
	"errors"
	"strings"
	"testing"
)

func TestParseVolume(t *testing.T) {
	for text, want := range map[string][2]string{
		"vol":            {"vol", ""},
		"/vol/":          {"vol", ""},
		"vol_1-a/sub":    {"vol_1-a", "sub"},
		"vol/sub/dir/":   {"vol", "sub/dir"},
		"vol/with space": {"vol", "with space"},
		"vol/.hidden":    {"vol", ".hidden"},
	} {
		if volume, subdir, err := ParseVolume(text); err != nil || volume != want[0] || subdir != want[1] {
			t.Errorf("%q: %q %q %v", text, volume, subdir, err)
		}
	}
	for _, text := range []string{"", "/", "-vol", "vol.1", "vol ume", "völ", "vol/..", "vol/a/../b", "vol/./a", "vol//a", "vol/a\nb", strings.Repeat("v", 129), "vol/" + strings.Repeat("d", 256)} {
		if _, _, err := ParseVolume(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Source{VolumeID: "v", Servers: []string{"a", "fd00::1"}, Volume: "vol", Subdir: "sub"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Source){
		"no id":       func(s *Source) { s.VolumeID = "" },
		"no server":   func(s *Source) { s.Servers = nil },
		"bad server":  func(s *Source) { s.Servers = []string{"-a"} },
		"raw server":  func(s *Source) { s.Servers = []string{"[fd00::1]"} },
		"no volume":   func(s *Source) { s.Volume = "" },
		"bad subdir":  func(s *Source) { s.Subdir = "../other" },
		"root subdir": func(s *Source) { s.Subdir = "/" },
	} {
		s := good
		change(&s)
		if err := s.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
