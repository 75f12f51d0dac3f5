package documents

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRelease compares the changelog and the charts with the version in the variable RELEASE; without it, the charts with each
// other.
func TestRelease(t *testing.T) {
	charts := map[string]string{}
	for _, path := range glob(t, "charts/*/Chart.yaml") {
		charts[strings.TrimPrefix(path, root+"/")] = read(t, path)
	}
	for _, problem := range CheckRelease(os.Getenv("RELEASE"), read(t, root+"/CHANGELOG.md"), charts) {
		t.Error(problem)
	}
}

func TestCheckRelease(t *testing.T) {
	const ready = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-31\n\n- a\n\n## 1.2.2 - 2026-01-01\n\n- b\n"
	charts := func(version, app string) map[string]string {
		return map[string]string{"a": "name: a\nversion: " + version + "\nappVersion: \"" + app + "\"\n"}
	}
	for name, c := range map[string]struct {
		version, changelog string
		charts             map[string]string
		want               []string
	}{
		"ready":                     {"v1.2.3", ready, charts("1.2.3", "1.2.3"), nil},
		"before a release":          {"", "# Changelog\n", charts("1.2.3", "1.2.3"), nil},
		"charts that differ":        {"", ready, charts("1.2.3", "1.2.4"), []string{"a: appVersion is 1.2.4, and should be 1.2.3"}},
		"another version of charts": {"v1.2.3", ready, charts("1.2.3", "1.2.2"), []string{"a: appVersion is 1.2.2, and should be 1.2.3"}},
		"a chart without a version": {"v1.2.3", ready, map[string]string{"a": "appVersion: 1.2.3\n"}, []string{"a has no version"}},
		"no section":                {"v1.2.4", ready, charts("1.2.4", "1.2.4"), []string{`CHANGELOG.md has no section "## 1.2.4 - YYYY-MM-DD"`}},
		"an empty section": {"v1.2.3", strings.ReplaceAll(ready, "- a\n", ""), charts("1.2.3", "1.2.3"),
			[]string{"CHANGELOG.md: the section of 1.2.3 is empty"}},
		"changes that are not released": {"v1.2.3", strings.Replace(ready, "Unreleased\n", "Unreleased\n\n- c\n", 1), charts("1.2.3", "1.2.3"),
			[]string{"CHANGELOG.md: there must be a section Unreleased, and it must be empty"}},
		"no version": {"latest", ready, charts("1.2.3", "1.2.3"), []string{`"latest" is no semantic version such as v1.2.3`}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := CheckRelease(c.version, c.changelog, c.charts); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
