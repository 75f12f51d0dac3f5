package plain

import (
	"fmt"
	"strings"
)

// Few joins at most limit things with the separator. If n things are left out, it appends the parameter last and "n more".
func Few(things []string, limit int, separator, last string) string {
	if len(things) <= limit {
		return strings.Join(things, separator)
	}
	return fmt.Sprintf("%s%s%d more", strings.Join(things[:limit], separator), last, len(things)-limit)
}

// Plural returns the count with its noun, whose plural must end in s: 1 node, 2 nodes.
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
