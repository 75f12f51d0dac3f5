package temporary

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForgotten: a lost node is removed with its devices and bricks, a lost device with its bricks, a volume with its last brick,
// and an unfinished operation with its volume. Nothing else changes.
func TestForgotten(t *testing.T) {
	const exported = `{
		"clusterentries": {"c": {"Info": {"id": "c", "nodes": ["n1", "n2", "n3"], "volumes": ["v", "w", "e"]}}},
		"nodeentries": {"n1": {"Devices": ["d1", "d2"]}, "n2": {"Devices": ["d3", "d4"]}, "n3": {"Devices": null}},
		"deviceentries": {"d1": {"NodeId": "n1", "Bricks": ["b1", "b4"]}, "d2": {"NodeId": "n1", "Bricks": []}, "d3": {"NodeId": "n2", "Bricks": ["b2"]}, "d4": {"NodeId": "n2", "Bricks": ["b3"], "Size": 9007199254740993}},
		"brickentries": {"b1": {"Info": {"device": "d1"}}, "b2": {"Info": {"device": "d3"}}, "b3": {"Info": {"device": "d4"}}, "b4": {"Info": {"device": "d1"}}},
		"volumeentries": {"v": {"Info": {"name": "x"}, "Bricks": ["b1", "b2", "b3"]}, "w": {"Bricks": ["b4"]}, "e": {"Bricks": []}},
		"pendingoperations": {
			"o1": {"Type": 2, "Actions": [{"Change": 3, "Id": "b1"}, {"Change": 3, "Id": "b3", "Delta": 9007199254740993}, {"Change": 4, "Id": "v"}]},
			"o2": {"Type": 1, "Actions": [{"Change": 1, "Id": "b4"}, {"Change": 2, "Id": "w"}]}}}`
	const want = `{
		"clusterentries": {"c": {"Info": {"id": "c", "nodes": ["n2","n3"], "volumes": ["v","e"]}}},
		"nodeentries": {"n2": {"Devices": ["d4"]}, "n3": {"Devices": null}},
		"deviceentries": {"d4": {"NodeId": "n2", "Bricks": ["b3"], "Size": 9007199254740993}},
		"brickentries": {"b3": {"Info": {"device": "d4"}}},
		"volumeentries": {"v": {"Info": {"name": "x"}, "Bricks": ["b3"]}, "e": {"Bricks": []}},
		"pendingoperations": {"o1": {"Type": 2, "Actions": [{"Change":3,"Id":"b3","Delta":9007199254740993},{"Change":4,"Id":"v"}]}}}`
	forget := func(lost Lost) func(*export) bool { return func(d *export) bool { d.forget(lost); return true } }
	got, err := changed([]byte(exported), forget(Lost{Nodes: []string{"n1"}, Devices: []string{"d3"}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, want), decoded(t, string(got))); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
	for text, want := range map[string]string{
		"":   "unexpected end of JSON input",
		`{}`: "deviceentries: unexpected end",
		`{"deviceentries": {"d": 1}, "brickentries": {}, "nodeentries": {}, "volumeentries": {}, "clusterentries": {}}`:  "deviceentries.d: json: cannot unmarshal number",
		`{"deviceentries": {}, "brickentries": {"b": {}}, "nodeentries": {}, "volumeentries": {}, "clusterentries": {}}`: "brickentries.b.Info: unexpected end",
	} {
		if _, err := changed([]byte(text), forget(Lost{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
