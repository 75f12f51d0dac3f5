package mount

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestNumericOptions: each option accepts its limits and nothing beyond (glusterfs 10; a value that the client refuses would keep
// the volume from being mounted).
func TestNumericOptions(t *testing.T) {
	limits := map[string][2]int{
		"attr-times-granularity": {1, 1000000000}, "attribute-timeout": {0, 86400}, "entry-timeout": {0, 86400},
		"gid-timeout": {0, 86400}, "negative-timeout": {0, 86400}, "background-qlen": {16, 65536}, "congestion-threshold": {12, 65536},
		"fuse-dev-eperm-ratelimit-ns": {0, 1000000000}, "invalidate-limit": {0, 1000000}, "lru-limit": {0, 100000000},
		"reader-thread-count": {1, 64}, "volfile-server-port": {1024, 65535}, "server-port": {1024, 65535},
	}
	for name, limit := range limits {
		for _, tt := range []struct {
			value int
			want  bool
		}{{limit[0] - 1, false}, {limit[0], true}, {limit[1], true}, {limit[1] + 1, false}} {
			flag := fmt.Sprintf("%s=%d", name, tt.value)
			if _, err := ParseOptions([]string{flag}); (err == nil) != tt.want {
				t.Errorf("%s: %v", flag, err)
			}
		}
	}
	for name, r := range optionTable() {
		if r.parse == nil {
			continue
		}
		if _, numeric := limits[name]; !numeric {
			if _, err := r.parse("77", true); err == nil && name != "backup-volfile-servers" && name != "backupvolfile-server" {
				t.Errorf("%s takes numbers, but its limits are not in this test", name)
			}
		}
	}
}

// TestLettersOfOptions: the characters at both ends of each range are accepted, and those next to them are not.
func TestLettersOfOptions(t *testing.T) {
	for _, r := range "azAZ09-_.:=[]," {
		if unsafeInOption(r) {
			t.Errorf("%q is refused", r)
		}
	}
	for _, r := range "`{@/ é\x00\n\t'\"$;&|<>()\\*?!#%+~^" {
		if !unsafeInOption(r) {
			t.Errorf("%q is accepted", r)
		}
	}
}

// TestLongFlagsAreCut: messages cut flags at 100 letters.
func TestLongFlagsAreCut(t *testing.T) {
	for length, cut := range map[int]bool{100: false, 101: true} {
		if message := invalidFlag(strings.Repeat("x", length), errors.New("y")).Error(); strings.Contains(message, "...") != cut {
			t.Errorf("%d letters: %s", length, message)
		}
	}
}

func TestBackupServersForms(t *testing.T) {
	for value, want := range map[string]string{
		"a:b":             "a:b",
		"a,b":             "a:b",
		"a:a,b":           "a:b",
		"[fd00::1]:b":     "[fd00::1]:b",
		"fd00::1,b":       "[fd00::1]:b",
		"[fd00::1],b":     "[fd00::1]:b",
		"10.0.0.1,b":      "10.0.0.1:b",
		"10.0.0.1:b":      "10.0.0.1:b",
		"[fd00::1]":       "[fd00::1]",
		"fd00::1":         "", // without a comma it may be a typing error
		"a::b":            "",
		":a":              "",
		"a:":              "",
		"[fd00::1]x":      "",
		"[fd00::1":        "",
		"]a":              "",
		"a,,b":            "",
		"a:b,c:d,fd00::2": "a:b:c:d:[fd00::2]",
	} {
		if got, err := backupServers(value, true); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
	}
	if _, err := backupServers(":a", true); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("a leading colon: %v", err)
	}
	if _, err := ParseOptions([]string{"backup-volfile-servers=a", "backupvolfile-server=b"}); err != nil {
		t.Error(err)
	}
}

func TestNamesAtTheirLimits(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".") // 253
	for name, want := range map[string]bool{longest: true, longest + "b": false, label + "a": false, label: true} {
		if _, err := ParseServers(name); (err == nil) != want {
			t.Errorf("a server's name of %d letters: %v", len(name), err)
		}
	}
	for directory, want := range map[string]bool{
		strings.Repeat("d", 255): true, strings.Repeat("d", 256): false, "a\x7fb": false, "a\x80b": true, "a\x1fb": false, "a b": true, "a\u0080b": true,
	} {
		if _, _, err := ParseVolume("v/" + directory); (err == nil) != want {
			t.Errorf("directory %.20q of %d bytes: %v", directory, len(directory), err)
		}
	}
}

// TestValidateServers: servers must have the form that ParseServers returns, and those of the options count.
func TestValidateServers(t *testing.T) {
	backup, err := ParseOptions([]string{"backup-volfile-servers=a"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		source Source
		want   bool
	}{
		"one":                {Source{Servers: []string{"a"}}, true},
		"one of the options": {Source{Options: backup}, true},
		"both":               {Source{Servers: []string{"b"}, Options: backup}, true},
		"none":               {Source{}, false},
		"upper case":         {Source{Servers: []string{"A"}}, false},
		"with a port":        {Source{Servers: []string{"a:1"}}, false},
		"in brackets":        {Source{Servers: []string{"[fd00::1]"}}, false},
		"empty":              {Source{Servers: []string{""}}, false},
	} {
		tt.source.VolumeID, tt.source.Volume = "id", "v"
		if err := tt.source.Validate(); (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFind(t *testing.T) {
	const table = "36 35 98:0 /a /mnt rw,noatime - ext3 /dev/root rw\n37 36 98:1 / /mnt/b rw - tmpfs none rw\n"
	for _, tt := range []struct {
		id    uint64
		path  string
		found bool
	}{
		{36, "/mnt", true}, {37, "/mnt/b", true}, {38, "/mnt", false},
		{37, "/mnt", false}, // the kernel has reused the id of the mount at /mnt
	} {
		got, err := find(strings.NewReader(table), tt.id, tt.path)
		if err != nil || (got != nil) != tt.found || got != nil && got.Mountpoint != tt.path {
			t.Errorf("%d at %s: %+v, %v", tt.id, tt.path, got, err)
		}
	}
	if got, err := find(strings.NewReader("36 damaged\n"), 36, "/mnt"); err == nil || !strings.HasPrefix(err.Error(), "read mountinfo: ") {
		t.Errorf("a damaged table: %+v, %v", got, err)
	}
}
