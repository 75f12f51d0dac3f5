package glusterlab

import "testing"

func TestRounds(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rounds() {
		if r.Do == nil {
			t.Errorf("round %q does nothing", r.Name)
		}
		if seen[r.Name] {
			t.Errorf("several rounds are called %q", r.Name)
		}
		if r.Deaths && (r.Gap || r.Heal != nil) {
			t.Errorf("round %q ends clients, and changes graphs or takes bricks away: nothing can be said about its calls", r.Name)
		}
		seen[r.Name] = true
	}
}
