package mount

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

var update = flag.Bool("update", false, "write the generated parts of docs/ instead of comparing them")

// TestMountOptionsAreDocumented: docs/parameters.md lists the options with their allowed values, and names those without effect.
func TestMountOptionsAreDocumented(t *testing.T) {
	table, names := optionTable(), map[string][]string{} // by allowed value
	_, section, _ := strings.Cut(documents.Page(t, "parameters.md"), "\n## `mountOptions`\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		switch {
		case !table[name].ignored():
			value := allowedValue(table[name])
			names[value] = append(names[value], "`"+name+"`")
		case !strings.Contains(section, "`"+name+"`") && !strings.Contains(section, "`"+name+"="):
			t.Errorf("docs/parameters.md does not name the mount option %s, which has no effect", name)
		}
	}
	rows := make([]string, 0, len(names))
	for value, same := range names {
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", strings.Join(same, ", "), value))
	}
	slices.Sort(rows)
	documents.Generated(t, "parameters.md", "mountoptions", "| option | value |\n|---|---|\n"+strings.Join(rows, ""), *update)
}

// allowedValue returns the allowed values as the refusal of a wrong value names them.
func allowedValue(r rule) string {
	if r.place == toServers {
		return "servers"
	}
	_, err := r.parse("?", true)
	if err == nil {
		return "anything"
	}
	_, words, found := strings.Cut(err.Error(), "allowed ")
	if !found {
		return "none"
	}
	words = strings.TrimPrefix(strings.TrimPrefix(words, "is "), "are ")
	return strings.ReplaceAll(words, " and ", " or ")
}
