package storagetest

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// MarkPending marks a volume as unfinished in a database of Heketi, as during the volume's creation. program is the heketi binary.
func MarkPending(t *testing.T, program, path, volume string) {
	t.Helper()
	change(t, program, path, func(sections sections) {
		const operation = "0123456789abcdef0123456789abcdef"
		pending := object{"Id": operation}
		var actions []object
		for id, fields := range sections["volumeentries"] {
			if fields["Info"].(map[string]any)["name"] != volume {
				continue
			}
			fields["Pending"] = pending
			for _, brick := range fields["Bricks"].([]any) {
				sections["brickentries"][brick.(string)]["Pending"] = pending
				actions = append(actions, object{"Change": 1, "Id": brick}) // OpAddBrick
			}
			actions = append(actions, object{"Change": 2, "Id": id}) // OpAddVolume
		}
		if len(actions) == 0 {
			t.Fatalf("the database has no volume %s", volume)
		}
		sections["pendingoperations"] = map[string]object{operation: operationOf(operation, 1, actions...)} // OperationCreateVolume
	})
}

// MarkEvicted changes a database of Heketi as if Heketi had been interrupted while it removed a device. The parameter from is the
// id of that device, which has one brick. The parameter to is the id of another device of the node, to which Heketi was moving the
// brick. program is the heketi binary.
func MarkEvicted(t *testing.T, program, path, from, to string) {
	t.Helper()
	change(t, program, path, func(sections sections) {
		const removal, eviction, replacement = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210", "00000000000000000000000000000000"
		bricks := sections["deviceentries"][from]["Bricks"].([]any)
		if len(bricks) != 1 {
			t.Fatalf("the device has the bricks %v, want one", bricks)
		}
		old := sections["brickentries"][bricks[0].(string)]
		old["Pending"] = object{"Id": eviction}
		info := maps.Clone(old["Info"].(object))
		info["id"], info["device"] = replacement, to
		made := maps.Clone(old)
		made["Info"] = info
		sections["brickentries"][replacement] = made
		sections["pendingoperations"] = map[string]object{
			// OperationRemoveDevice with OpRemoveDevice and OpChildOperation
			removal: operationOf(removal, 6, object{"Change": 8, "Id": from}, object{"Change": 12, "Id": eviction}),
			// OperationBrickEvict with OpDeleteBrick, OpParentOperation and OpAddBrick
			eviction: operationOf(eviction, 8, object{"Change": 3, "Id": bricks[0]}, object{"Change": 13, "Id": removal}, object{"Change": 1, "Id": replacement}),
		}
	})
}

type (
	object   = map[string]any
	sections map[string]map[string]object
)

// operationOf returns an unfinished operation (heketi: apps/glusterfs/pendingop.go).
func operationOf(id string, kind int, actions ...object) object {
	return object{"Id": id, "Timestamp": 1, "Type": kind, "Actions": actions, "Status": ""}
}

// change exports a database of Heketi, calls the function change with the content, and imports the result.
func change(t *testing.T, program, path string, change func(sections)) {
	t.Helper()
	dir := t.TempDir()
	text, changed := filepath.Join(dir, "heketi.json"), filepath.Join(dir, "heketi.db")
	db(t, program, "export", text, path)
	content, err := os.ReadFile(text) // #nosec G304 -- of a test
	if err != nil {
		t.Fatal(err)
	}
	var sections sections
	if err := json.Unmarshal(content, &sections); err != nil {
		t.Fatal(err)
	}
	change(sections)
	if content, err = json.Marshal(sections); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db(t, program, "import", text, changed)
	if content, err = os.ReadFile(changed); err != nil { // #nosec G304 -- of a test
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil { // #nosec G703 -- of a test
		t.Fatal(err)
	}
}

func db(t *testing.T, program, action, text, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "db", action, "--jsonfile="+text, "--dbfile="+file) // #nosec G204 -- of a test
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("heketi db %s: %v: %s", action, err, out)
	}
}
