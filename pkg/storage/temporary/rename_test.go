package temporary

import (
	"encoding/json"
	"reflect"
	"testing"
)

// TestRenamed: one volume has another name, and nothing else has changed, not even a number that a float would round.
func TestRenamed(t *testing.T) {
	const exported = `{"clusterentries": {"c": {"Info": {"id": "c"}}}, "volumeentries": {
		"a": {"Info": {"name": "heketidbstorage", "size": 9007199254740993}, "Bricks": ["b"]}, "b": {"Info": {"name": "other"}}}}`
	const want = `{"clusterentries": {"c": {"Info": {"id": "c"}}}, "volumeentries": {
		"a": {"Info": {"name": "gone", "size": 9007199254740993}, "Bricks": ["b"]}, "b": {"Info": {"name": "other"}}}}`
	got, err := changed([]byte(exported), func(d *export) bool { return d.rename("heketidbstorage", "gone") })
	if err != nil || !reflect.DeepEqual(decoded(t, string(got)), decoded(t, want)) {
		t.Errorf("%s, %v", got, err)
	}
	if again, err := changed(got, func(d *export) bool { return d.rename("heketidbstorage", "gone") }); err != nil || again != nil {
		t.Errorf("%s, %v", again, err)
	}
	for _, text := range []string{"", "{}", `{"volumeentries": {"a": 1}}`, `{"volumeentries": {"a": {}}}`} {
		if _, err := changed([]byte(text), func(d *export) bool { return d.rename("v", "w") }); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var value map[string]map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for section, entries := range value {
		for id, fields := range entries {
			for name, raw := range fields {
				var info map[string]json.RawMessage
				if json.Unmarshal(raw, &info) != nil {
					out[section+id+name] = string(raw)
					continue
				}
				for key, field := range info {
					out[section+id+name+key] = string(field)
				}
			}
		}
	}
	return out
}
