package mount

import "testing"

func TestBrickSet(t *testing.T) {
	two := BrickSet([]string{"a:/1", "b:/2"})
	for _, tt := range []struct {
		bricks []string
		same   bool
	}{
		{[]string{"b:/2", "a:/1"}, true},
		{[]string{"a:/1", "b:/2", "a:/1"}, true},
		{[]string{"a:/1"}, false},
		{[]string{"a:/1", "b:/2", "c:/3"}, false},
		{[]string{"a:/2", "b:/1"}, false},
		{[]string{"a:/1b:/2"}, false},
		{nil, false},
	} {
		if got := BrickSet(tt.bricks); (got == two) != tt.same {
			t.Errorf("%q: %s, same as of two: %t, want %t", tt.bricks, got, got == two, tt.same)
		}
	}
}
