package heketi

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestCutOffAnswers: a truncated answer is refused, at any length.
func TestCutOffAnswers(t *testing.T) {
	for name, read := range map[string]func(string) error{
		sampleDump:        func(text string) error { _, err := readDump(strings.NewReader(text)); return err },
		sampleExamination: func(text string) error { _, err := readExamination(strings.NewReader(text)); return err },
	} {
		whole := strings.TrimSpace(name)
		if err := read(whole); err != nil {
			t.Fatal(err)
		}
		for i := range len(whole) {
			if err := read(whole[:i]); err == nil {
				t.Fatalf("an answer that ends with %q was read", whole[max(0, i-40):i])
			}
		}
	}
}

// TestWrongShapes: an answer is refused if one part has another shape than Heketi writes.
func TestWrongShapes(t *testing.T) {
	const dump = `"clusterentries": {}, "volumeentries": {}`
	for text, want := range map[string]bool{
		`{` + dump + `}`:                                true,
		`{` + dump + `, "nodeentries": null}`:           true,
		`{` + dump + `, "something": {"new": [1]}}`:     true,
		`{"clusterentries": null, "volumeentries": {}}`: true,
		`{` + dump + `, "nodeentries": []}`:             false,
		`{` + dump + `, "nodeentries": 1}`:              false,
		`{` + dump + `, "nodeentries": {"n": []}}`:      false,
		`{` + dump + `, "pendingoperations": {"o": 1}}`: false,
		`{"volumeentries": {}}`:                         false,
		`{"clusterentries": {}}`:                        false,
		`[]`:                                            false,
	} {
		if got, err := readDump(strings.NewReader(text)); (err == nil) != want {
			t.Errorf("dump %s: %+v, %v", text, got, err)
		}
	}
	const database = `"heketidb": {` + dump + `}`
	for text, want := range map[string]bool{
		`{` + database + `, "clusters": []}`:                                             true,
		`{` + database + `, "clusters": null}`:                                           true,
		`{` + database + `, "clusters": [{"NodesData": null, "x": 1}], "report": ["a"]}`: true,
		`{` + database + `, "clusters": [{"NodesData": [{"NodeHeketiID": "n"}]}]}`:       true,
		`{` + database + `}`: false,
		`{"clusters": []}`:   false,
		`{` + database + `, "clusters": [{"ClusterHeketiID": 1}]}`:               false,
		`{` + database + `, "clusters": [{"NodesData": {}}]}`:                    false,
		`{` + database + `, "clusters": [{"NodesData": [{"NodeHeketiID": 1}]}]}`: false,
		`{` + database + `, "clusters": ["c"]}`:                                  false,
		`{"heketidb": [], "clusters": []}`:                                       false,
	} {
		if got, err := readExamination(strings.NewReader(text)); (err == nil) != want {
			t.Errorf("examination %s: %+v, %v", text, got, err)
		}
	}
}

// TestExaminedNodes: a node's answers show whether Heketi has reached it.
func TestExaminedNodes(t *testing.T) {
	for text, want := range map[string][2]bool{ // reached, glusterd
		`{}`:                        {false, false},
		`{"VolumeInfo": {}}`:        {true, true},
		`{"BricksMountStatus": {}}`: {true, false},
		`{"VolumeInfo": {}, "BricksMountStatus": {}}`: {true, true},
	} {
		var data nodeData
		if err := json.Unmarshal([]byte(text), &data); err != nil {
			t.Fatal(err)
		}
		if got := data.examined(); got.Reached != want[0] || got.Glusterd != want[1] || (got.Mounted != nil) != strings.Contains(text, "Bricks") {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestQuorumOfLargerSets(t *testing.T) {
	for replica, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 3, 5: 3} {
		if got := (volumeInfo{ReplicaCount: replica}).volume(); got.Set != replica || got.Needed != want {
			t.Errorf("%d copies: %+v, want %d needed", replica, got, want)
		}
	}
	fixed := volumeInfo{ReplicaCount: 3}
	for count, want := range map[string]int{"0": 2, "1": 1, "3": 3, "9": 3, "": 2} {
		fixed.Options.OptionList = []volumeOption{{"cluster.quorum-type", "fixed"}, {"cluster.quorum-count", count}}
		if got := fixed.volume().Needed; got != want {
			t.Errorf("a fixed quorum of %q: %d, want %d", count, got, want)
		}
	}
}

func TestTouches(t *testing.T) {
	v := Volume{ID: "v", Bricks: []string{"b1", "b2"}}
	for objects, want := range map[string]bool{"v": true, "b2": true, "x b1": true, "x": false, "": false, "x v": true} {
		if got := (Operation{Objects: strings.Fields(objects)}).Touches(v); got != want {
			t.Errorf("%q: %t, want %t", objects, got, want)
		}
	}
}
