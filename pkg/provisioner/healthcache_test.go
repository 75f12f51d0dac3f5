package provisioner_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestExaminationOfAnotherDatabase: an examination by a Heketi with another database has no meaning for our volumes.
func TestExaminationOfAnotherDatabase(t *testing.T) {
	const dump = `{"clusterentries": {%q: {"Info": {"nodes": ["n1"], "file": true}}}, "volumeentries": {},
		"nodeentries": {"n1": {"Info": {"hostnames": {"storage": ["a"]}}}}}`
	for cluster, want := range map[string]error{"c": nil, "another": volume.ErrUnavailable} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/db/dump":
				_, _ = fmt.Fprintf(w, dump, "c")
			case strings.HasPrefix(r.URL.Path, "/volumes/"):
				_, _ = fmt.Fprintf(w, `{"id": %q, "name": "v", "cluster": "c"}`, strings.TrimPrefix(r.URL.Path, "/volumes/"))
			default:
				_, _ = fmt.Fprintf(w, `{"heketidb": `+dump+`, "report": [], "clusters": [{"ClusterHeketiID": %q, "NodesData": [
					{"NodeHeketiID": "n1", "VolumeInfo": {"Volumes": {"VolumeList": []}}, "BricksMountStatus": {"Statuses": null}}]}]}`, cluster, cluster)
			}
		}))
		defer server.Close()
		backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL}}}, timing())
		if err != nil {
			t.Fatal(err)
		}
		defer backends.Close()
		p := provisioner.New(backends)
		if _, _, err := p.List(t.Context(), "", 0); err != nil { // from now on the driver knows the cluster
			t.Fatal(err)
		}
		_, _, err = p.ListHealth(t.Context(), "", 0)
		wantError(t, err, want)
		_, err = p.Health(t.Context(), volume.Handle{Backend: "main", ID: strings.Repeat("0", 32)}, volume.Credentials{})
		wantError(t, err, want)
	}
}
