package rounds

import (
	"strings"
	"testing"
)

func TestChoice(t *testing.T) {
	all := []Round[Rig]{{Name: "plugin-killed", Short: true}, {Name: "plugin-restarted"}, {Name: "bricks-stopped"}, {Name: "heketi-down", Short: true}}
	for name, c := range map[string]struct {
		choice Choice
		want   string // the names that are chosen; empty if the choice is refused
	}{
		"all":              {Choice{}, "plugin-killed plugin-restarted bricks-stopped heketi-down"},
		"short":            {Choice{Short: true}, "plugin-killed heketi-down"},
		"a pattern":        {Choice{Only: "plugin-*"}, "plugin-killed plugin-restarted"},
		"a list":           {Choice{Only: "heketi-down, bricks-stopped"}, "bricks-stopped heketi-down"},
		"short and a name": {Choice{Only: "bricks-stopped", Short: true}, "bricks-stopped"},
		"unknown":          {Choice{Only: "heketi-dwon"}, ""},
		"one is unknown":   {Choice{Only: "heketi-down,heketi-dwon"}, ""},
		"malformed":        {Choice{Only: "[heketi"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.choice.Check(Names(all)); (err == nil) != (c.want != "") {
				t.Fatalf("Check is %v", err)
			}
			if got := strings.Join(Names(Chosen(c.choice, all)), " "); c.want != "" && got != c.want {
				t.Errorf("chosen are %q, want %q", got, c.want)
			}
		})
	}
}

func TestWithHung(t *testing.T) {
	for name, c := range map[string]struct {
		round Round[Rig]
		short bool
		want  []bool
	}{
		"both ways":   {Round[Rig]{}, false, []bool{false, true}},
		"short":       {Round[Rig]{}, true, []bool{true}},
		"a long one":  {Round[Rig]{Once: true}, false, []bool{false}},
		"one by name": {Round[Rig]{Once: true}, true, []bool{false}},
	} {
		if got := c.round.withHung(c.short); len(got) != len(c.want) || got[0] != c.want[0] {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
