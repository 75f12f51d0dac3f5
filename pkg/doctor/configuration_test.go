package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func TestWrongConfiguration(t *testing.T) {
	tests := []struct {
		name, text string
		says       []string // one text for each finding
	}{
		{"empty", "", []string{"backends"}},
		{"no YAML", "backends: [", []string{"yaml"}},
		{"unknown field", "backends: [{name: a, url: 'http://h', key: hunter2}]", []string{`unknown field`}},
		{"two mistakes", "backends: [{name: A, url: 'http://h'}, {name: b, url: 'http://i', keyFile: /missing}]", []string{"backends[0].name", "/missing"}},
		{"two missing files", "backends: [{name: a, url: 'http://h'}, {name: b, url: 'http://i', keyFile: /key, caFile: /ca}]",
			[]string{`backend "b": keyFile cannot be read: open /key`, `backend "b": caFile cannot be read: stat /ca`}},
		{"password in a URL", "backends: [{name: a, url: 'http://admin:hunter2 @h'}]", []string{"backends[0].url"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, found := checker{}.configuration(path)
			if len(found) != len(tt.says) {
				t.Fatalf("%+v", found)
			}
			for i, f := range found {
				if f.Severity != report.Critical || !strings.Contains(f.Message, tt.says[i]) || strings.Contains(f.Message, "hunter2") {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// A mistake in one entry does not prevent the checks of the others.
func TestOtherBackendsAreExamined(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, nil)
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("- name: broken\n  url: http://h\n  maxInFlight: -1\n")
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	findings := Run(t.Context(), Config{ConfigFile: path, Prober: prober()})
	if len(find(findings, "configuration")) != 1 || len(find(findings, "cluster-capacity")) != 1 {
		t.Errorf("%+v", findings)
	}
}

// TestFlatten: each of several mistakes is one finding, even if they have a common prefix.
func TestFlatten(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	for _, tt := range []struct {
		err  error
		want []error
	}{
		{a, []error{a}},
		{errors.Join(a, b), []error{a, b}},
		{fmt.Errorf("file: %w", errors.Join(a, fmt.Errorf("entry: %w", errors.Join(b, c)))), []error{a, b, c}},
	} {
		if got := flatten(tt.err); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.err, got, tt.want)
		}
	}
}
