package faults

import (
	"maps"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestModelFinds feeds the model with histories that each contain one error.
func TestModelFinds(t *testing.T) {
	name, other := volume.GlusterName("n", volume.Naming{Prefix: "some"}), volume.GlusterName("o", volume.Naming{})
	mine := func(sizeGiB int) Recorded {
		return Recorded{Name: name, SizeGiB: sizeGiB, DataKiB: uint64(sizeGiB) << 20}
	}
	foreign := map[string]Recorded{"f": {Name: "data", SizeGiB: 2, Bricks: []string{"b"}}}
	made := func(m *Model, id string) { m.CreateSucceeds(m.CreateBegins("n", 1, false), id, 1, gib) }
	deleted := func(m *Model, id string) { m.DeleteEnds(m.DeleteBegins(id), codes.OK) }
	tests := []struct {
		name    string
		history func(m *Model)
		volumes map[string]Recorded // at the end, besides the foreign volume
		want    string              // "" means no violation
	}{
		{"made", func(m *Model) { made(m, "a") }, map[string]Recorded{"a": mine(1)}, ""},
		{"made twice, once", func(m *Model) { made(m, "a"); made(m, "a") }, map[string]Recorded{"a": mine(1)}, ""},
		{"made, deleted, made", func(m *Model) { made(m, "a"); deleted(m, "a"); made(m, "b") }, map[string]Recorded{"b": mine(1)}, ""},
		{"made without an answer", func(m *Model) { m.CreateFails(m.CreateBegins("n", 1, false), codes.DeadlineExceeded) }, map[string]Recorded{"a": mine(1)}, ""},
		{"two in the end", func(m *Model) { made(m, "a") }, map[string]Recorded{"a": mine(1), "b": mine(1)}, "2 volumes"},
		{"two in answers", func(m *Model) { made(m, "a"); made(m, "b") }, map[string]Recorded{"b": mine(1)}, "returned a before"},
		{"lost", func(m *Model) { made(m, "a") }, nil, "is lost"},
		{"deleted, still there", func(m *Model) { made(m, "a"); deleted(m, "a") }, map[string]Recorded{"a": mine(1)}, "still there"},
		{"deleted, returned again", func(m *Model) { made(m, "a"); deleted(m, "a"); made(m, "a") }, nil, "before the create was sent"},
		{"pending", func(m *Model) { made(m, "a") }, map[string]Recorded{"a": {Name: name, SizeGiB: 1, DataKiB: 1 << 20, Pending: "o"}}, "still pending"},
		{"too small an answer", func(m *Model) { m.CreateSucceeds(m.CreateBegins("n", 2, false), "a", 2, gib) }, map[string]Recorded{"a": mine(2)}, "for 2 GiB returned"},
		{"a size that was not requested", func(m *Model) { made(m, "a") }, map[string]Recorded{"a": mine(3)}, "only [1] were ever requested"},
		{"bricks of another size", func(m *Model) { made(m, "a") }, map[string]Recorded{"a": {Name: name, SizeGiB: 1, DataKiB: 2 << 20}}, "bricks for"},
		{"a volume without a request", func(*Model) {}, map[string]Recorded{"a": {Name: "other"}}, "was not requested"},
		{"foreign, resized", func(*Model) {}, map[string]Recorded{"f": {Name: "data", SizeGiB: 3, Bricks: []string{"b"}}}, "was touched"},
		{"foreign, other bricks", func(*Model) {}, map[string]Recorded{"f": {Name: "data", SizeGiB: 2, Bricks: []string{"c"}}}, "was touched"},
		{"one group for two", func(m *Model) { made(m, "a"); m.CreateBegins("o", 1, false) }, map[string]Recorded{
			"a": {Name: name, SizeGiB: 1, DataKiB: 1 << 20, GID: 7}, "b": {Name: other, SizeGiB: 1, DataKiB: 1 << 20, GID: 7},
		}, "same group id"},
		{"refused for good", func(m *Model) { m.CreateFails(m.CreateBegins("n", 1, false), codes.Internal) }, nil, "does not allow"},
		{"a rival of another size", func(m *Model) { m.CreateFails(m.CreateBegins("n", 2, true), codes.AlreadyExists) }, nil, ""},
		{"a rival that is none", func(m *Model) { m.CreateFails(m.CreateBegins("n", 1, false), codes.AlreadyExists) }, nil, "does not allow"},
		{"not found", func(m *Model) { made(m, "a"); m.ReadEnds(m.ReadBegins("a"), "get", codes.NotFound) }, map[string]Recorded{"a": mine(1)}, "does not find"},
		{"found after its delete", func(m *Model) { made(m, "a"); deleted(m, "a"); m.ReadEnds(m.ReadBegins("a"), "get", codes.OK) }, nil, "whose delete had succeeded"},
		{"expanded", func(m *Model) { made(m, "a"); m.ExpandEnds(m.ExpandBegins("a", 3), codes.OK, 3, 3*gib) }, map[string]Recorded{"a": mine(3)}, ""},
		{"expanded, size lost", func(m *Model) { made(m, "a"); m.ExpandEnds(m.ExpandBegins("a", 3), codes.OK, 3, 3*gib) }, map[string]Recorded{"a": mine(1)}, "had been acknowledged"},
		{"expanded twice as much", func(m *Model) { made(m, "a"); m.ExpandEnds(m.ExpandBegins("a", 3), codes.Aborted, 3, 0) }, map[string]Recorded{"a": mine(5)}, "were ever requested"},
		{"listed", func(m *Model) { made(m, "a"); m.ListEnds(m.ReadBegins(""), map[string]int64{"a": gib}) }, map[string]Recorded{"a": mine(1)}, ""},
		{"not listed", func(m *Model) { made(m, "a"); m.ListEnds(m.ReadBegins(""), nil) }, map[string]Recorded{"a": mine(1)}, "list lacks"},
		{"listed after its delete", func(m *Model) {
			made(m, "a")
			deleted(m, "a")
			m.ListEnds(m.ReadBegins(""), map[string]int64{"a": gib})
		}, nil, "list has"},
		{"listed with a wrong size", func(m *Model) { made(m, "a"); m.ListEnds(m.ReadBegins(""), map[string]int64{"a": 9 * gib}) }, map[string]Recorded{"a": mine(1)}, "list says"},
	}
	for _, tt := range tests {
		m := newModel()
		tt.history(m)
		truth := Truth{Volumes: map[string]Recorded{"f": foreign["f"]}}
		maps.Copy(truth.Volumes, tt.volumes)
		m.CheckTruth(truth, foreign)
		got := strings.Join(m.Violations(), "; ")
		if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
}
