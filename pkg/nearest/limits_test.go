package nearest

import (
	"slices"
	"strings"
	"testing"
)

// TestSlips: longer words may have more slips, but none more than three.
func TestSlips(t *testing.T) {
	for _, tt := range []struct {
		word, name string
		want       bool
	}{
		{"abcde", "abcdx", true}, // one in five letters
		{"abcde", "abcxx", false},
		{"abcdef", "abcdxx", true}, // two in six
		{"abcdef", "abcxxx", false},
		{"abcdefghijkl", "abcdefghixxx", true}, // three in twelve
		{"abcdefghijkl", "abcdefghyyyy", false},
		{"abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuxxx", true}, // and in twenty-four
		{"abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstyyyy", false},
		{"aaaaaa.cd", "aaaaaa.xy", true}, // two in nine letters, although both are in the last part
		{"a.abcdef", "b.abcdxx", true},   // two in the last part, and another one before it
	} {
		if _, near := compare(tt.word, tt.name); near != tt.want {
			t.Errorf("%s and %s are near: %t, want %t", tt.word, tt.name, near, tt.want)
		}
	}
}

// TestLastPart: a name that is near only by its last part counts as one slip further away.
func TestLastPart(t *testing.T) {
	for _, tt := range []struct {
		word, name string
		score      int
		near       bool
	}{
		{"cache", "performance.cache", 1, true},
		{"cach", "performance.cache", 2, true},
		{"cax", "performance.cache", 13, false},
		{"a.cache", "b.cache", 1, true}, // as a whole: 1 slip; by the last part: 0, and 1 more
		{"ab.cache", "xy.cache", 1, true},
		{"abc.cache", "abd.cache", 1, true},
	} {
		if score, near := compare(tt.word, tt.name); near != tt.near || near && score != tt.score {
			t.Errorf("%s and %s: %d, %t; want %d, %t", tt.word, tt.name, score, near, tt.score, tt.near)
		}
	}
	known := []string{"x.abcdefgh", "abcdefgx"}
	if got := Names("abcdefgh", known, 2); !slices.Equal(got, []string{"abcdefgx", "x.abcdefgh"}) {
		t.Errorf("%q: the name with one slip and the one without its first part are equally near, and the former must come first", got)
	}
}

// TestLongestWord: a word of the maximum length is compared, and a longer one is not.
func TestLongestWord(t *testing.T) {
	for length, want := range map[int]int{100: 1, 101: 0} {
		word := strings.Repeat("x", length)
		if got := Names(word, []string{word}, 1); len(got) != want {
			t.Errorf("%d letters: %q", length, got)
		}
	}
	if got := Names("", []string{"a", "b", ""}, 3); got != nil {
		t.Errorf("of nothing: %q", got)
	}
}
