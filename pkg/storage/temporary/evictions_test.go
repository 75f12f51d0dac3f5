package temporary

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAbandonEvictions: an eviction and the removal of a device that it belongs to are gone. The old brick stays, the new one is a
// brick of the volume and of its device. Lists stay sorted, and other operations stay.
func TestAbandonEvictions(t *testing.T) {
	const exported = `{
		"deviceentries": {"d1": {"Bricks": ["b2"]}, "d2": {"Bricks": ["b3"]}},
		"brickentries": {"b1": {"Info": {"device": "d2", "volume": "v", "size": 9007199254740993}, "Pending": {"Id": "o2"}}, "b2": {"Info": {"device": "d1", "volume": "v"}, "Pending": {"Id": "o2"}}, "b3": {"Info": {"device": "d2"}}},
		"volumeentries": {"v": {"Info": {"name": "x"}, "Bricks": ["b2"]}, "w": {"Bricks": ["b3"]}},
		"pendingoperations": {
			"o1": {"Type": 6, "Actions": [{"Change": 8, "Id": "d1"}, {"Change": 12, "Id": "o2"}]},
			"o2": {"Type": 8, "Actions": [{"Change": 3, "Id": "b2"}, {"Change": 13, "Id": "o1"}, {"Change": 1, "Id": "b1"}]},
			"o3": {"Type": 6, "Actions": [{"Change":8,"Id":"d2"}]}}}`
	const want = `{
		"deviceentries": {"d1": {"Bricks": ["b2"]}, "d2": {"Bricks": ["b1","b3"]}},
		"brickentries": {"b1": {"Info": {"device": "d2", "volume": "v", "size": 9007199254740993}, "Pending": {"Id":""}}, "b2": {"Info": {"device": "d1", "volume": "v"}, "Pending": {"Id":""}}, "b3": {"Info": {"device": "d2"}}},
		"volumeentries": {"v": {"Info": {"name": "x"}, "Bricks": ["b1","b2"]}, "w": {"Bricks": ["b3"]}},
		"pendingoperations": {"o3": {"Type": 6, "Actions": [{"Change":8,"Id":"d2"}]}}}`
	got, err := changed([]byte(exported), (*export).abandonEvictions)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, want), decoded(t, string(got))); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
	if again, err := changed(got, (*export).abandonEvictions); err != nil || again != nil {
		t.Errorf("%s, %v", again, err)
	}
	for text, want := range map[string]string{
		"":   "unexpected end of JSON input",
		`{}`: "pendingoperations: unexpected end",
		`{"pendingoperations": {"o": {"Type": "8"}}}`:                       "pendingoperations.o.Type: json: cannot unmarshal string",
		`{"pendingoperations": {"o": {"Type": 8, "Actions": [{"Id": 1}]}}}`: "pendingoperations.o.Actions: json: cannot unmarshal number",
	} {
		if _, err := changed([]byte(text), (*export).abandonEvictions); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
