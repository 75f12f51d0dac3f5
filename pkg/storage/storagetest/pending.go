package storagetest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// MarkPending makes the volume unfinished in a database of Heketi, as during its creation. program is the heketi binary.
func MarkPending(t *testing.T, program, path, volume string) {
	t.Helper()
	dir := t.TempDir()
	text, changed := filepath.Join(dir, "heketi.json"), filepath.Join(dir, "heketi.db")
	db(t, program, "export", text, path)
	content, err := os.ReadFile(text) // #nosec G304 -- of a test
	if err != nil {
		t.Fatal(err)
	}
	var sections map[string]map[string]any
	if err := json.Unmarshal(content, &sections); err != nil {
		t.Fatal(err)
	}
	const operation = "0123456789abcdef0123456789abcdef"
	pending := map[string]any{"Id": operation}
	var actions []any
	for id, entry := range sections["volumeentries"] {
		fields := entry.(map[string]any)
		if fields["Info"].(map[string]any)["name"] != volume {
			continue
		}
		fields["Pending"] = pending
		for _, brick := range fields["Bricks"].([]any) {
			sections["brickentries"][brick.(string)].(map[string]any)["Pending"] = pending
			actions = append(actions, map[string]any{"Change": 1, "Id": brick}) // OpAddBrick
		}
		actions = append(actions, map[string]any{"Change": 2, "Id": id}) // OpAddVolume
	}
	if len(actions) == 0 {
		t.Fatalf("the database has no volume %s", volume)
	}
	sections["pendingoperations"] = map[string]any{operation: map[string]any{"Id": operation, "Timestamp": 1, "Type": 1, "Actions": actions, "Status": ""}}
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
