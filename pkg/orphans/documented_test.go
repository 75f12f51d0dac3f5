package orphans

import (
	"net/http"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// TestDocumented: docs/doctor.md shows the reports of a Heketi without faults, with three, and with another key.
func TestDocumented(t *testing.T) {
	const (
		dump = `{"clusterentries": {"6163203a988acdaae1f36f3ef249e6cd": {"Info": {}}},
			"nodeentries": {}, "deviceentries": {}, "pendingoperations": {"f4c68c905ef2f35bd0aaedcc5a74c223": {"Status": "stale"}}, "volumeentries": {
			"0b108d4c58373ed15b13a1810f372923": {"Info": {"name": "csi-default_uploads-8e70b16c104df2826c88", "cluster": "6163203a988acdaae1f36f3ef249e6cd", "size": 10}},
			"11111111111111111111111111111111": {"Info": {"name": "csi-default_web-8b939e3f5dc5d928f6ee", "cluster": "6163203a988acdaae1f36f3ef249e6cd", "size": 10},
				"Pending": {"Id": "f4c68c905ef2f35bd0aaedcc5a74c223"}}}}`
		operations = `{"pendingoperations": [{"id": "f4c68c905ef2f35bd0aaedcc5a74c223", "type_name": "clone-volume", "status": "stale"}]}`
	)
	pv := func(number, claim, id, name string) PV {
		return PV{
			Name: "pvc-1c0a1a4e-6b3c-4a53-9a5d-3f4c7f6f000" + number, Phase: "Bound", Claim: "default/" + claim, Driver: driver, Handle: "production/" + id,
			Context: map[string]string{"volume": name, "cluster": "6163203a988acdaae1f36f3ef249e6cd", "backend": "production"},
		}
	}
	two := []PV{
		pv("1", "web", "11111111111111111111111111111111", "csi-default_web-8b939e3f5dc5d928f6ee"),
		pv("3", "mail", "45c458335683bfc88b232c073cc3ca76", "csi-default_mail-f708ee0a34100eeb6c76"),
	}
	for name, change := range map[string]func(f *fixture) []PV{
		"healthy": func(f *fixture) []PV { return []PV{f.made("pvc-1")} },
		"damaged": func(f *fixture) []PV {
			f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusOK, Body: dump})
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Status: http.StatusOK, Body: operations})
			return two
		},
		"another key": func(f *fixture) []PV { f.server.SetKey("another key"); return two },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			findings := f.find(t, change(f)...)
			documents.Shows(t, "doctor.md", "glusterfs-csi orphans --config config.yaml --pvs pvs.json",
				text(t, findings, f.server.URL, "https://heketi:8080"), report.ExitCode(findings))
		})
	}
}
