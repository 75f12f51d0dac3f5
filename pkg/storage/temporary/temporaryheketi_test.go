package temporary

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestConfigOfTheTemporaryHeketi: the configuration equals that of the real Heketi, except for the database, port, TLS, cleaner
// and backup.
func TestConfigOfTheTemporaryHeketi(t *testing.T) {
	dir := t.TempDir()
	o := Options{Config: filepath.Join(dir, "real.json"), Dir: dir, Key: "secret"}
	if err := os.WriteFile(o.Config, []byte(`{"port": "8080", "enable_tls": true, "jwt": {"admin": {"key": "k"}}, "backup_db_to_kube_secret": true,
		"glusterfs": {"executor": "kubernetes", "db": "/var/lib/heketi/heketi.db", "refresh_time_monitor_gluster_nodes": 120}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "heketi.json")
	if err := o.writeConfig(path, "1234"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"port": "1234", "enable_tls": false, "backup_db_to_kube_secret": false, "jwt": map[string]any{"admin": map[string]any{"key": "k"}},
		"glusterfs": map[string]any{"executor": "kubernetes", "db": filepath.Join(dir, "heketi.db"), "refresh_time_monitor_gluster_nodes": 120.0, "disable_background_cleaner": true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	t.Setenv("HEKETI_DB_PATH", "/var/lib/heketi/heketi.db")
	t.Setenv("HEKETI_EXECUTOR", "kubernetes")
	t.Setenv("HEKETI_BACKUP_DB_TO_KUBE_SECRET", "y")
	env := o.environment("1234")
	for _, variable := range []string{"HEKETI_DB_PATH=" + filepath.Join(dir, "heketi.db"), "HEKETI_HTTP_PORT=1234", "HEKETI_ADMIN_KEY=secret", "HEKETI_EXECUTOR=kubernetes"} {
		if !slices.Contains(env, variable) {
			t.Errorf("%s is missing", variable)
		}
	}
	if slices.ContainsFunc(env, func(v string) bool {
		return strings.HasPrefix(v, "HEKETI_BACKUP") || v == "HEKETI_DB_PATH=/var/lib/heketi/heketi.db"
	}) {
		t.Errorf("%q", env)
	}
}

func TestHeketiLog(t *testing.T) {
	var out bytes.Buffer
	log := &heketiLog{to: &out}
	for _, part := range []string{"Heke", "ti v10\n[neg", "roni] GET /queue\nListening\n", "[negroni] x\n", "no end"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got := out.String(); got != "heketi: Heketi v10\nheketi: Listening\n" {
		t.Errorf("%q", got)
	}
}
