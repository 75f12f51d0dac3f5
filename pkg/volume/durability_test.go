package volume

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDurability(t *testing.T) {
	tests := map[string]Durability{
		"replicate":    {Type: Replicate, Replica: 3},
		"replicate:2":  {Type: Replicate, Replica: 2},
		"replicate:3":  {Type: Replicate, Replica: 3},
		"disperse:2:1": {Type: Disperse, Data: 2, Redundancy: 1},
		"disperse:4:2": {Type: Disperse, Data: 4, Redundancy: 2},
		"disperse:8:3": {Type: Disperse, Data: 8, Redundancy: 3},
		"disperse:8:4": {Type: Disperse, Data: 8, Redundancy: 4},
		"none":         {Type: None},
	}
	for in, want := range tests {
		got, err := ParseDurability(in)
		if err != nil || got != want {
			t.Errorf("ParseDurability(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseDurabilityRefuses(t *testing.T) {
	for _, in := range []string{
		"", "replica", "replicate:", "replicate:0", "replicate:1", "replicate:9", "replicate:-2", "replicate:+2", "replicate:3:1",
		"replicate:x", "replicate:99999999999999999999", "disperse", "disperse:", "disperse:2", "disperse:3:1",
		"disperse:2:1:0", "disperse:0:0", "none:", "none:1", "Replicate:3 ", " none",
	} {
		_, err := ParseDurability(in)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("ParseDurability(%q): %v, want ErrInvalid", in, err)
			continue
		}
		for _, part := range []string{"volumetype", "replicate:N", "disperse:D:R", "none"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("ParseDurability(%q): %q does not say %q", in, err, part)
			}
		}
	}
}

func TestMinGiB(t *testing.T) {
	for in, want := range map[string]int{"none": 1, "replicate:3": 1, "disperse:2:1": 2, "disperse:8:4": 8} {
		d, err := ParseDurability(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.MinGiB(); got != want {
			t.Errorf("%s: MinGiB = %d, want %d", in, got, want)
		}
	}
}

func FuzzParseDurability(f *testing.F) {
	f.Add("replicate:3")
	f.Add("disperse:8:4")
	f.Add("none")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDurability(s)
		if err != nil {
			return
		}
		again, err := ParseDurability(d.String())
		if err != nil || again != d {
			t.Errorf("%q: %+v reads back as %+v, %v", s, d, again, err)
		}
	})
}
