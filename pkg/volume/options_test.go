package volume

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	tests := map[string][]Option{
		"":              nil,
		"   ":           nil,
		"client.ssl on": {{"client.ssl", "on"}},
		" performance.cache-size 256MB ,\tnetwork.ping-timeout  10": {{"network.ping-timeout", "10"}, {"performance.cache-size", "256MB"}},
		"cluster.min-free-disk 10%,user.team a@b":                   {{"cluster.min-free-disk", "10%"}, {"user.team", "a@b"}},
		"client.ssl on, ,":                        {{"client.ssl", "on"}},
		"client.ssl on,client.ssl on":             {{"client.ssl", "on"}},
		"group virt":                              {{"group", "virt"}},
		"user.heketi.device-tag-match disk!=slow": {{"user.heketi.device-tag-match", "disk!=slow"}},
	}
	for raw, want := range tests {
		got, err := parseOptions(raw)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	tests := map[string][]string{ // the option, and what is said of it
		"client.ssl":                          {"client.ssl", "a blank"},
		"client.ssl on off":                   {"client.ssl on off", "a blank"},
		"client.ssl perhaps":                  {"client.ssl perhaps", "one of on, off"},
		"network.ping-timeout 9999":           {"network.ping-timeout 9999", "0 to 1013"},
		"performance.cache-size big":          {"performance.cache-size big", "64MB"},
		"client.ssl on;reboot":                {"one of on, off"},
		"client.ssl $(reboot)":                {"one of on, off"},
		"user.x a;b":                          {"letters, digits"},
		"user.x `id`":                         {"letters, digits"},
		"user.x a'b":                          {"letters, digits"},
		"user.x;y z":                          {"user.x;y", "may be set"},
		"changelog.changelog-dir /etc":        {"changelog.changelog-dir", "may be set"},
		"storage.create-mask 0777":            {"storage.create-mask", "may be set"},
		"user.heketi.id 1":                    {"user.heketi.id", "except user.heketi.*"},
		"--force yes":                         {"--force", "may be set"},
		"client.ssl on,client.ssl off":        {"client.ssl", "twice"},
		"user.heketi.device-tag-match a=b;ls": {"key=value"},
	}
	for raw, says := range tests {
		_, err := parseOptions(raw)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", raw, err)
			continue
		}
		for _, part := range append(says, "volumeoptions") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %q", raw, err, part)
			}
		}
	}
}
