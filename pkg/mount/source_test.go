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

func TestDifference(t *testing.T) {
	options := func(flags ...string) Options {
		o, err := ParseOptions(flags)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	staged := Source{VolumeID: "v", Servers: []string{"a", "b"}, Volume: "vol", Subdir: "sub", Options: options("noatime")}
	for name, tt := range map[string]struct {
		change              func(*Source)
		different, outdated bool
	}{
		"nothing":                  {func(*Source) {}, false, false},
		"the order of servers":     {func(s *Source) { s.Servers = []string{"b", "a"} }, false, false},
		"servers":                  {func(s *Source) { s.Servers = []string{"c"} }, false, true},
		"options":                  {func(s *Source) { s.Options = options("noatime", "acl") }, false, true},
		"an option without effect": {func(s *Source) { s.Options = options("noatime", "nofail") }, false, false},
		"read-only":                {func(s *Source) { s.Options = options("noatime", "ro") }, true, true},
		"the cluster":              {func(s *Source) { s.Cluster = "cluster" }, false, true},
		"volume":                   {func(s *Source) { s.Volume = "other" }, true, false},
		"directory":                {func(s *Source) { s.Subdir = "" }, true, false},
	} {
		other := staged
		tt.change(&other)
		if difference, outdated := staged.Difference(other), staged.Outdated(other); (difference != "") != tt.different || outdated != tt.outdated {
			t.Errorf("%s: difference %q, outdated %t", name, difference, outdated)
		}
	}
}
