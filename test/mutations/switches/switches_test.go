package switches

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestOperators: each function acts as its operator, and as the mutant while its number is on.
func TestOperators(t *testing.T) {
	defer func() { on = -1 }()
	failure := errors.New("failure")
	boolean := func(f func(id, x, y int) bool, x, y int) func() any { return func() any { return f(1, x, y) } }
	number := func(f func(id, x, y int) int, x, y int) func() any { return func() any { return f(1, x, y) } }
	for _, tt := range []struct {
		name       string
		call       func() any
		want, when any // when the mutant is on
	}{
		{"1 < 2", boolean(Less[int], 1, 2), true, true},
		{"2 < 2", boolean(Less[int], 2, 2), false, true},
		{"3 < 2", boolean(Less[int], 3, 2), false, false},
		{"1 <= 2", boolean(AtMost[int], 1, 2), true, true},
		{"2 <= 2", boolean(AtMost[int], 2, 2), true, false},
		{"3 <= 2", boolean(AtMost[int], 3, 2), false, false},
		{"3 > 2", boolean(More[int], 3, 2), true, true},
		{"2 > 2", boolean(More[int], 2, 2), false, true},
		{"1 > 2", boolean(More[int], 1, 2), false, false},
		{"3 >= 2", boolean(AtLeast[int], 3, 2), true, true},
		{"2 >= 2", boolean(AtLeast[int], 2, 2), true, false},
		{"1 >= 2", boolean(AtLeast[int], 1, 2), false, false},
		{"6 + 2", number(Plus[int], 6, 2), 8, 4},
		{"6 - 2", number(Minus[int], 6, 2), 4, 8},
		{"6 * 2", number(Times[int], 6, 2), 12, 3},
		{"6 / 2", number(By[int], 6, 2), 3, 12},
		{"one", func() any { return One[int](1) }, 0, 1},
		{"failure", func() any { return Failure(1, failure) }, failure, nil},
	} {
		for number, want := range map[int]any{-1: tt.want, 1: tt.when, 2: tt.want} {
			on = number
			if got := tt.call(); got != want {
				t.Errorf("%s with mutant %d: %v, want %v", tt.name, number, got, want)
			}
		}
	}
}

func TestReached(t *testing.T) {
	defer func() { reached = nil }()
	path := filepath.Join(t.TempDir(), "reached")
	if err := os.WriteFile(path, make([]byte, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	reached = mapped(path)
	Less(0, 1, 2) // the mutant gives the same result
	Less(1, 2, 2)
	Is(7)
	if got, err := os.ReadFile(path); err != nil || string(got) != "\x00\x01\x00" {
		t.Errorf("reached %q, %v", got, err)
	}
	if mapped(path+"x") != nil || number("x") != -1 || number("7") != 7 {
		t.Error("without a file nothing is reached, without a number no mutant is on")
	}
}
