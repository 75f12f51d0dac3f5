package documents

import (
	"fmt"
	"regexp"
	"strings"
)

// CheckRelease returns what prevents a version's release: an error in its section of the changelog or in the versions of the
// charts. charts maps paths of Chart.yaml to their texts. An empty version means the charts' version, whose section may still be
// missing.
func CheckRelease(version, changelog string, charts map[string]string) (problems []string) {
	release := strings.TrimPrefix(version, "v")
	if release != "" && !semantic.MatchString(release) {
		return []string{fmt.Sprintf("%q is no semantic version such as v1.2.3", version)}
	}
	for path, chart := range charts {
		for _, field := range []string{"version", "appVersion"} {
			found := regexp.MustCompile(`(?m)^` + field + `: "?([^"\s]+)"?$`).FindStringSubmatch(chart)
			switch {
			case found == nil:
				problems = append(problems, fmt.Sprintf("%s has no %s", path, field))
			case release == "":
				release = found[1]
			case found[1] != release:
				problems = append(problems, fmt.Sprintf("%s: %s is %s, and should be %s", path, field, found[1], release))
			}
		}
	}
	if version == "" {
		return problems
	}
	unreleased, found := sectionOf(changelog, "Unreleased")
	if !found || strings.TrimSpace(unreleased) != "" {
		problems = append(problems, "CHANGELOG.md: there must be a section Unreleased, and it must be empty")
	}
	switch text, found := sectionOf(changelog, regexp.QuoteMeta(release)+` - \d{4}-\d{2}-\d{2}`); {
	case !found:
		problems = append(problems, fmt.Sprintf("CHANGELOG.md has no section \"## %s - YYYY-MM-DD\"", release))
	case strings.TrimSpace(text) == "":
		problems = append(problems, "CHANGELOG.md: the section of "+release+" is empty")
	}
	return problems
}

var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$`)

// sectionOf returns the text below a second-level heading.
func sectionOf(page, heading string) (text string, found bool) {
	at := regexp.MustCompile(`(?m)^## \[?` + heading + `\]?$`).FindStringIndex(page)
	if at == nil {
		return "", false
	}
	text, _, _ = strings.Cut(page[at[1]:], "\n## ")
	return text, true
}
