package doctor

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestServersOfVolumes: the servers and ports are those that the volumes' next clients use. 10.0.0.1 and 10.0.0.2 refuse
// connections to the usual port.
func TestServersOfVolumes(t *testing.T) {
	const refused = "gluster server 10.0.0.%d cannot be reached on port 24007: connection refused"
	first, second := fmt.Sprintf(refused, 1), fmt.Sprintf(refused, 2)
	for name, tt := range map[string]struct {
		volumes  []string // fields of Source
		clusters string   // servers.json
		want     []string
	}{
		"shared by two volumes": {volumes: []string{`"servers": ["10.0.0.3", "10.0.0.4"]`, `"servers": ["10.0.0.4", "10.0.0.3"]`}, want: []string{"ok: port 24007 of 2 gluster servers can be reached"}},
		"one is away":           {volumes: []string{`"servers": ["10.0.0.1", "10.0.0.3"]`}, want: []string{"warning: " + first}},
		"of one of two volumes": {
			volumes: []string{`"servers": ["10.0.0.1"]`, `"servers": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]`},
			want:    []string{"critical: " + first, "warning: " + second},
		},
		"backup":             {volumes: []string{`"servers": ["10.0.0.1"], "options": ["backup-volfile-servers=10.0.0.3:10.0.0.1"]`}, want: []string{"warning: " + first}},
		"another port":       {volumes: []string{`"servers": ["10.0.0.1"], "options": ["volfile-server-port=24107"]`}, want: []string{"ok: port 24107 of 1 gluster server can be reached"}},
		"two ports":          {volumes: []string{`"servers": ["10.0.0.1"], "options": ["volfile-server-port=24107"]`, `"servers": ["10.0.0.3"]`}, want: []string{"ok: port 24107 or 24007 of 2 gluster servers can be reached"}},
		"of the cluster":     {volumes: []string{`"servers": ["10.0.0.1"], "cluster": "c"`}, clusters: `{"c": ["10.0.0.3"]}`, want: []string{"ok: port 24007 of 1 gluster server can be reached"}},
		"of another cluster": {volumes: []string{`"servers": ["10.0.0.3"], "cluster": "d"`}, clusters: `{"c": ["10.0.0.1"]}`, want: []string{"ok: port 24007 of 1 gluster server can be reached"}},
		"not readable":       {volumes: []string{`"servers": ["10.0.0.1"]`}, clusters: `{`, want: []string{"warning: read the servers of clusters: unexpected end of JSON input"}},
		"no volume":          {clusters: `{"c": ["10.0.0.1"]}`, want: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			n := goodNode(t)
			for i, source := range tt.volumes {
				writeRecord(t, n, fmt.Sprintf("volumes/%d.json", i), fmt.Sprintf(`{"source": {%s}, "bootID": %q}`, source, bootID(t)))
			}
			writeRecord(t, n, "volumes/earlier.json", `{"source": {"servers": ["10.0.0.2"]}, "bootID": "earlier"}`)
			if tt.clusters != "" {
				writeRecord(t, n, "servers.json", tt.clusters)
			}
			found := find(n.records(t.Context(), checker{onNode: true, prober: *prober("10.0.0.1", "10.0.0.2")}), checkPort)
			got := make([]string, len(found))
			for i, f := range found {
				got[i] = string(f.Severity) + ": " + f.Message
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func bootID(t *testing.T) string {
	t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(boot))
}
