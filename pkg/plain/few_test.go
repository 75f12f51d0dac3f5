package plain

import "testing"

func TestFew(t *testing.T) {
	things := []string{"a", "b", "c", "d"}
	for n, want := range map[int]string{0: "", 1: "a", 2: "a; b", 3: "a; b; and 1 more", 4: "a; b; and 2 more"} {
		if got := Few(things[:n], 2, "; ", "; and "); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 nodes", 1: "1 node", 2: "2 nodes"} {
		if got := Plural(n, "node"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
