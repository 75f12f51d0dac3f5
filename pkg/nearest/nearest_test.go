package nearest

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	known := []string{
		"clusterid", "resturl", "restuser", "secretname", "secretnamespace", "volumetype",
		"cluster.self-heal-daemon", "performance.nl-cache", "performance.nl-cache-timeout", "performance.read-ahead", "server.ssl", "client.ssl",
		"backup-volfile-servers", "acl",
	}
	tests := []struct {
		word string
		want []string
	}{
		{"volumetyp", []string{"volumetype"}},
		{"VolumeTpye", []string{"volumetype"}},
		{"secret_name", []string{"secretname"}},
		{"backup_volfile_servers", []string{"backup-volfile-servers"}},
		{"restur", []string{"resturl", "restuser"}},
		{"nl-cache", []string{"performance.nl-cache"}},
		{"cluster.nl-cache", []string{"performance.nl-cache"}},
		{"performance.nl-cach", []string{"performance.nl-cache"}},
		{"network.ssl", []string{"client.ssl", "server.ssl"}},
		{"performance.readahead", []string{"performance.read-ahead"}},
		{"acls", []string{"acl"}},
		{"performance.", nil},
		{"a", nil},
		{"", nil},
		{"é", nil},
		{"changelog.changelog-dir", nil},
		{strings.Repeat("x", 1<<20), nil},
	}
	for _, tt := range tests {
		if got := Names(tt.word, known, 2); !slices.Equal(got, tt.want) {
			t.Errorf("Names(%.40q) = %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := Names("restur", known, 1); len(got) != 1 {
		t.Errorf("with a limit of 1: %q", got)
	}
}

func TestHint(t *testing.T) {
	known := []string{"aaaa", "aaab", "aaac", "aaad", "bcdefg"}
	for word, want := range map[string]string{
		"bcdefh": "did you mean bcdefg?",
		"aaax":   "did you mean aaaa, aaab or aaac?",
		"zzzz":   "",
	} {
		if got := Hint(word, known); got != want {
			t.Errorf("Hint(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
