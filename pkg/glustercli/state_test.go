package glustercli

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadState(t *testing.T) {
	got, err := ReadState(output(t, "state.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Volume{
		{Name: "vol_1", Type: "Replicate", Status: "Started", Bricks: []Brick{
			{Path: "10.0.0.11:/var/lib/heketi/mounts/vg_1/brick_1/brick", Status: "Started"},
			{Path: "10.0.0.12:/var/lib/heketi/mounts/vg_2/brick_2/brick"},
			{Path: "10.0.0.13:/var/lib/heketi/mounts/vg_3/brick_3/brick"},
		}},
		{Name: "scratch", Type: "Distribute", Status: "Stopped", Bricks: []Brick{{Path: "fd00::11:/bricks/scratch", Status: "Stopped"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if first, second := got[0], got[1]; !first.Started() || !first.Heals() || second.Started() || second.Heals() {
		t.Errorf("%+v, %+v", first, second)
	}
	if bricks := got[0].Bricks; !bricks[0].Local() || !bricks[0].Started() || bricks[1].Local() || bricks[1].Started() {
		t.Errorf("%+v", bricks)
	}
}

func TestTypesThatHeal(t *testing.T) { // libglusterfs/src/common-utils.c: vol_type_str
	for name, want := range map[string]bool{
		"Distribute": false, "Replicate": true, "Disperse": true, "Distributed-Replicate": true, "Distributed-Disperse": true,
	} {
		if got := (Volume{Type: name}).Heals(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestInvalidState(t *testing.T) {
	state := content(t, "state.txt")
	for _, tc := range []struct{ name, text, says string }{
		{"nothing", "", "it has no [Global]"},
		{"text", "glusterd state dumped to /run/gluster/state", "it has no [Global]"},
		{"cut off", state[:len(state)/2], "incomplete"},
		{"a volume is missing", strings.ReplaceAll(state, "Volume2.", "Volume3."), "volume 3 follows volume 1"},
		{"a brick is missing", strings.ReplaceAll(state, "Brick2.", "Brick9."), "brick 9 follows brick 1 of volume vol_1"},
		{"a line without end", "[Global]\n" + strings.Repeat("x", 2<<20), "read the state of glusterd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ReadState(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
	if _, err := ReadState(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(state)))); err == nil {
		t.Error("a read failed, and the state was read")
	}
}

func FuzzReadState(f *testing.F) {
	f.Add(content(f, "state.txt"))
	f.Fuzz(func(t *testing.T, text string) {
		volumes, err := ReadState(strings.NewReader(text))
		if err != nil && volumes != nil {
			t.Errorf("%v: %+v", err, volumes)
		}
	})
}
