package documents

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestVersionOfExamples: examples and the page about upgrades have the version of the charts.
func TestVersionOfExamples(t *testing.T) {
	version, found := chartVersion(t), 0
	for _, path := range append(glob(t, "docs/*.md"), root+"/README.md") {
		for _, example := range regexp.MustCompile(`(?mi)^(?:version=|This page belongs to version )(\d+\.\d+\.\d+)`).FindAllStringSubmatch(read(t, path), -1) {
			found++
			if example[1] != version {
				t.Errorf("%s: %q, and the charts have the version %s", path, example[0], version)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d examples have a version", found)
	}
}

// TestVersionToUpgradeFrom: the version from which a user upgrades is older than the charts; otherwise users could not tell which
// of both they run.
func TestVersionToUpgradeFrom(t *testing.T) {
	unreleased, _ := sectionOf(read(t, root+"/CHANGELOG.md"), "Unreleased")
	var major, minor int
	if _, err := fmt.Sscanf(chartVersion(t), "%d.%d.", &major, &minor); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"CHANGELOG.md, Unreleased": unreleased, "docs/upgrade.md": Page(t, "upgrade.md"), "the chart's README": read(t, root+"/charts/glusterfs-csi/README.md"),
	} {
		named := regexp.MustCompile(`from\s+version (\d+\.\d+)`).FindAllStringSubmatch(text, -1)
		if len(named) == 0 {
			t.Errorf("%s does not say from which version it is an upgrade", name)
		}
		for _, from := range named {
			var oldMajor, oldMinor int
			if _, err := fmt.Sscanf(from[1], "%d.%d", &oldMajor, &oldMinor); err != nil {
				t.Fatal(err)
			}
			if slices.Compare([]int{oldMajor, oldMinor}, []int{major, minor}) >= 0 {
				t.Errorf("%s: %q, and the charts have the version %d.%d", name, from[0], major, minor)
			}
		}
	}
}

func chartVersion(t *testing.T) string {
	t.Helper()
	path := filepath.Join(root, "charts/glusterfs-csi/Chart.yaml")
	found := regexp.MustCompile(`(?m)^version: (\S+)$`).FindStringSubmatch(read(t, path))
	if found == nil {
		t.Fatalf("%s has no version", path)
	}
	return found[1]
}
