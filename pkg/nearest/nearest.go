// Package nearest finds the allowed names that a mistyped name may stand for. An error message then names a few of the allowed
// names instead of all. Hint returns "did you mean a, b or c?" with at most three names, or "" if no name is near. Names returns
// at most as many names as the caller asks for, and none if no name is near. The package imports nothing of this module, so that
// every package may use it.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// longest is the maximum length of a word that is compared. The time is quadratic, and words come from users.
const longest = 100

// Names returns up to limit of the known names, the nearest first. A name is returned only if it and word, or their parts after
// the last dot, differ in a few letters: "nl-cahce" finds performance.nl-cache. Letter case is ignored, and "_" is the same as
// "-". For a word of more than 100 bytes there are no names.
func Names(word string, known []string, limit int) []string {
	if word == "" || len(word) > longest {
		return nil
	}
	type candidate struct {
		name  string
		score int
	}
	var near []candidate
	for _, name := range known {
		if score, ok := compare(folded(word), folded(name)); ok {
			near = append(near, candidate{name, score})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, c := range near[:min(len(near), limit)] {
		names = append(names, c.name)
	}
	return names
}

// Hint returns "did you mean a, b or c?" with up to three names of known, or "" if none is near.
func Hint(word string, known []string) string {
	names := Names(word, known, 3)
	switch last := len(names) - 1; last {
	case -1:
		return ""
	case 0:
		return "did you mean " + names[0] + "?"
	default:
		return "did you mean " + strings.Join(names[:last], ", ") + " or " + names[last] + "?"
	}
}

func folded(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// compare returns the distance of two names, and whether it counts as near.
func compare(word, name string) (score int, near bool) {
	score = distance(word, name)
	last := lastPart(word)
	if apart := distance(last, lastPart(name)); apart <= slips(last) {
		return min(score, apart+1), true
	}
	return score, score <= slips(word)
}

// slips returns how many slips a word of this length may have and still be recognised.
func slips(word string) int { return min(3, 1+len(word)/6) }

func lastPart(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }

// distance returns the least number of edits that turn a into b (optimal string alignment). An edit inserts, removes or replaces
// a letter, or exchanges it with its neighbour.
func distance(a, b string) int {
	// before, above and row hold the distances of the first i-2, i-1 and i letters of a from the first j letters of b.
	above := make([]int, len(b)+1)
	before, row := slices.Clone(above), slices.Clone(above)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
