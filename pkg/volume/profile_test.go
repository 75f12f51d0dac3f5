package volume

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfilesSetWhatAClassMaySet(t *testing.T) {
	known := glusterOptions()
	for name, p := range profiles() {
		seen := map[string]bool{}
		for _, o := range p.options {
			if err := checkOption(known, o); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if seen[o.Key] {
				t.Errorf("%s sets %s twice", name, o.Key)
			}
			seen[o.Key] = true
		}
	}
}

// TestProfilesAreDocumented: docs/classes.md lists each profile's options, in their order.
func TestProfilesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/classes.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range profiles() {
		if row := "\n| `" + name + "` | "; !strings.Contains(string(page), row) {
			t.Errorf("no row of a table begins with %q", row)
		}
		var want strings.Builder
		for _, o := range p.options {
			fmt.Fprintln(&want, o)
		}
		_, section, _ := strings.Cut(string(page), "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		_, block, _ := strings.Cut(section, "```\n")
		block, client, _ := strings.Cut(block, "```\n")
		if diff := cmp.Diff(want.String(), block); diff != "" {
			t.Errorf("%s: options of the driver (-) and of docs/classes.md (+):\n%s", name, diff)
		}
		var said []string
		if line, found := strings.CutPrefix(client, "\nClient: "); found {
			line, _, _ = strings.Cut(line, "\n")
			said = quoted(line)
		}
		if diff := cmp.Diff(p.mountOptions, said); diff != "" {
			t.Errorf("%s: mount options of the driver (-) and of docs/classes.md (+):\n%s", name, diff)
		}
	}
}

func TestProfile(t *testing.T) {
	large := slices.Concat(profiles()["large-files"].options, []Option{{"user.glusterfs-csi.profile", "large-files"}})
	without := func(keys ...string) []Option {
		return slices.DeleteFunc(slices.Clone(large), func(o Option) bool { return slices.Contains(keys, o.Key) })
	}
	tests := map[string]struct {
		raw  map[string]string
		want []Option
	}{
		"none":    {map[string]string{}, nil},
		"empty":   {map[string]string{"profile": ""}, nil},
		"general": {map[string]string{"profile": "general"}, nil},
		"one":     {map[string]string{"profile": "large-files"}, large},
		"the class adds an option": {
			map[string]string{"profile": "large-files", "volumeoptions": "client.ssl on"}, append(without(), Option{"client.ssl", "on"}),
		},
		"the class's own value wins": {
			map[string]string{"profile": "large-files", "volumeoptions": "performance.read-ahead off"},
			append(without("performance.read-ahead"), Option{"performance.read-ahead", "off"}),
		},
		"what a group sets comes after the profile": {
			map[string]string{"profile": "large-files", "volumeoptions": "group virt"}, append(without(), Option{"group", "virt"}),
		},
		"the options of parameters come last": {
			map[string]string{"profile": "large-files", "arbiter": "true"}, append(without(), Option{"user.heketi.arbiter", "true"}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseParameters(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Options); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProfileRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		raw  map[string]string
		says []string
	}{
		"an unknown one":               {map[string]string{"profile": "small"}, []string{"profile", `"small"`, "small-files", "docs/classes.md"}},
		"another letter case":          {map[string]string{"profile": "Database"}, []string{"profile", "database"}},
		"a volume without copies":      {map[string]string{"profile": "virtual-machines", "volumetype": "none"}, []string{"virtual-machines", "replicate:3", "not none"}},
		"a dispersed volume":           {map[string]string{"profile": "virtual-machines", "volumetype": "disperse:4:2"}, []string{"not disperse:4:2"}},
		"the record of another":        {map[string]string{"profile": "database", "volumeoptions": "user.glusterfs-csi.profile x"}, []string{"user.glusterfs-csi.profile x", "the parameter profile"}},
		"the record without a profile": {map[string]string{"volumeoptions": "user.glusterfs-csi.profile database"}, []string{"the parameter profile"}},
	} {
		_, err := ParseParameters(tt.raw)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
			continue
		}
		for _, part := range tt.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: the message has %d bytes", name, len(err.Error()))
		}
	}
}

// TestMountOptionsOf: the volume's record has the profile under which it was made.
func TestMountOptionsOf(t *testing.T) {
	for name, p := range profiles() {
		parameters, err := ParseParameters(map[string]string{"profile": name, "volumeoptions": "client.ssl on"})
		if err != nil {
			t.Fatal(err)
		}
		record := make([]string, 1, 1+len(parameters.Options)) // Heketi leaves an empty option
		for _, o := range parameters.Options {
			record = append(record, o.String())
		}
		if got := MountOptionsOf(record); !slices.Equal(got, p.mountOptions) {
			t.Errorf("%s: the record %q leads to the mount options %q, want %q", name, record, got, p.mountOptions)
		}
	}
	if got := MountOptionsOf([]string{"user.glusterfs-csi.profile of-a-newer-version"}); got != nil {
		t.Errorf("an unknown profile has the mount options %q", got)
	}
}
