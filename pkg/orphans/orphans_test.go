package orphans

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

var update = flag.Bool("update", false, "write the golden files")

const driver = "glusterfs.csi.gluster.org"

// fixture is a Heketi with one cluster, and the PersistentVolumes of Kubernetes.
type fixture struct {
	server   *heketitest.Server
	cluster  string
	backends []*heketi.Backend
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newInstallation(t, "")
}

// newInstallation returns a fixture whose backend has a volumeNamePrefix.
func newInstallation(t *testing.T, prefix string) *fixture {
	t.Helper()
	cluster := heketitest.NewCluster()
	server := heketitest.New(t, cluster)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(heketitest.DefaultKey), 0o600); err != nil {
		t.Fatal(err)
	}
	config := heketi.BackendConfig{Name: "production", URL: server.URL, KeyFile: key, VolumeNamePrefix: prefix}
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{config}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	return &fixture{server, cluster.ID, backends.All()}
}

func ourName(csiName string) string { return volume.GlusterName(csiName, volume.Naming{}) }

// made adds a volume as this driver makes it, with its PersistentVolume.
func (f *fixture) made(csiName string) PV {
	return f.pv(csiName, f.server.AddVolume(ourName(csiName), f.cluster, false))
}

func (f *fixture) pv(csiName, id string) PV {
	return PV{
		Name: csiName, Phase: "Bound", Claim: "default/web", Driver: driver, Handle: "production/" + id,
		Context: map[string]string{"volume": ourName(csiName), "cluster": f.cluster, "backend": "production", "gid": "2000"},
	}
}

func (f *fixture) find(t *testing.T, pvs ...PV) []report.Finding {
	t.Helper()
	return Find(t.Context(), f.backends, driver, pvs)
}

func notOK(findings []report.Finding) []report.Finding {
	var others []report.Finding
	for _, f := range findings {
		if f.Severity != report.OK {
			others = append(others, f)
		}
	}
	return others
}

const noID = "00000000000000000000000000000bad"

func TestFind(t *testing.T) {
	tests := []struct {
		name     string
		arrange  func(f *fixture) []PV
		check    string // "": only the summary
		severity report.Severity
		says     string
		command  string
	}{
		{"all is well", func(f *fixture) []PV { return []PV{f.made("pvc-1"), f.made("pvc-2")} }, "", "", "", ""},
		{"volume without PV", func(f *fixture) []PV { f.made("pvc-1"); return []PV{f.made("pvc-2")} },
			checkOrphan, report.Warning, "2 GiB in cluster", "volume delete "},
		{"no PV of the driver in the list", func(f *fixture) []PV { f.made("pvc-1"); return nil },
			checkOrphan, report.Warning, "right Kubernetes cluster", "volume delete "},
		{"foreign volumes", func(f *fixture) []PV {
			f.server.AddVolume("vol_in_tree", f.cluster, false)
			f.server.AddVolume("heketidbstorage", f.cluster, false)
			f.server.AddVolume(ourName("pvc-1"), f.cluster, true) // hosts block volumes
			return nil
		}, "", "", "", ""},
		{"used by name", func(f *fixture) []PV {
			f.made("pvc-1")
			return []PV{{Name: "static", Driver: driver, Handle: "static", Context: map[string]string{"volume": ourName("pvc-1") + "/sub"}}}
		}, checkOrphan, report.Info, "mounts it by its name", ""},
		{"used by an in-tree PV", func(f *fixture) []PV { f.made("pvc-1"); return []PV{{Name: "old", Gluster: ourName("pvc-1")}} },
			checkOrphan, report.Info, "mounts it by its name", ""},
		{"handle of another backend's name", func(f *fixture) []PV {
			pv := f.made("pvc-1")
			pv.Handle = strings.Replace(pv.Handle, "production", "former", 1)
			return []PV{pv}
		}, checkUnknown, report.Warning, "not configured", ""},
		{"PV without volume", func(f *fixture) []PV { return []PV{f.pv("pvc-1", noID)} },
			checkNoVolume, report.Critical, "no volume " + noID, "kubectl delete pvc --namespace default web"},
		{"released PV without volume", func(f *fixture) []PV { pv := f.pv("pvc-1", noID); pv.Phase = "Released"; return []PV{pv} },
			checkNoVolume, report.Warning, "no volume " + noID, "kubectl delete pv pvc-1"},
		{"another gluster name", func(f *fixture) []PV { pv := f.made("pvc-1"); pv.Context["volume"] = "data"; return []PV{pv} },
			checkMismatch, report.Critical, "mount gluster volume data", ""},
		{"another cluster", func(f *fixture) []PV {
			right, wrong := f.made("pvc-1"), f.made("pvc-2")
			wrong.Context["cluster"] = noID
			return []PV{right, wrong}
		}, checkMismatch, report.Critical, "its cluster is " + noID, ""},
		{"another backend in the attributes", func(f *fixture) []PV { pv := f.made("pvc-1"); pv.Context["backend"] = "b"; return []PV{pv} },
			checkMismatch, report.Warning, "attributes name backend b", ""},
		{"a foreign volume", func(f *fixture) []PV {
			pv := f.pv("pvc-1", f.server.AddVolume("vol_1", f.cluster, false))
			pv.Context["volume"] = "vol_1"
			return []PV{pv}
		}, checkMismatch, report.Warning, "was not made by this driver", ""},
		{"adopted volume", func(f *fixture) []PV {
			pv := f.pv("pvc-1", f.server.AddVolume("vol_1", f.cluster, false))
			pv.Context["volume"], pv.Handle = "vol_1", pv.Handle+"/adopted"
			return []PV{pv}
		}, "", "", "", ""},
		{"two PVs of one volume", func(f *fixture) []PV {
			pv := f.made("pvc-1")
			copied := pv
			copied.Name = "copy"
			return []PV{pv, copied}
		}, checkMismatch, report.Warning, "several PersistentVolumes", ""},
		{"another driver's PV", func(*fixture) []PV {
			return []PV{{Name: "nfs", Driver: "nfs.csi.k8s.io", Handle: "production/" + noID}}
		}, "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			pvs := tt.arrange(f)
			found := notOK(f.find(t, pvs...))
			if tt.check == "" {
				if len(found) != 0 {
					t.Errorf("%+v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Check != tt.check || found[0].Severity != tt.severity || !strings.Contains(found[0].Message, tt.says) ||
				!strings.Contains(strings.Join(found[0].Commands, "\n"), tt.command) || (tt.command == "") != (found[0].Commands == nil) {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestVolumesOfOtherInstallations: volumes without the prefix of this installation may be used in another cluster. They are counted
// and not reported.
func TestVolumesOfOtherInstallations(t *testing.T) {
	f := newInstallation(t, "b")
	f.server.AddVolume(volume.GlusterName("pvc-1", volume.Naming{Prefix: "a"}), f.cluster, false)
	f.server.AddVolume(ourName("pvc-2"), f.cluster, false)
	findings := f.find(t)
	const want = `compared; volumes: 2, of this driver: 0 (and 2 without the prefix "b"), PersistentVolumes: 0`
	if len(findings) != 1 || findings[0].Message != want {
		t.Errorf("%+v", findings)
	}
	id := f.server.AddVolume(volume.GlusterName("pvc-3", volume.Naming{Prefix: "b"}), f.cluster, false)
	if found := notOK(f.find(t)); len(found) != 1 || !strings.Contains(found[0].Subject, id) {
		t.Errorf("%+v", found)
	}
}

func TestVolumesInWorkAreNoOrphans(t *testing.T) {
	f := newFixture(t)
	pv := f.made("pvc-1")
	f.server.Hold()
	t.Cleanup(f.server.Release)
	id := strings.TrimPrefix(pv.Handle, "production/")
	client, err := f.backends[0].Client(volume.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- client.DeleteVolume(t.Context(), id) }()
	for f.server.Requests("GET /queue/") == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the delete was not begun")
		}
	}
	if found := notOK(f.find(t)); len(found) != 0 {
		t.Errorf("without PV: %+v", found)
	}
	found := notOK(f.find(t, pv))
	if len(found) != 1 || found[0].Severity != report.Info || !strings.Contains(found[0].Message, "deleting") {
		t.Errorf("with PV: %+v", found)
	}
	f.server.Strand("broken")
	found = notOK(f.find(t))
	if len(found) != 1 || found[0].Check != checkOperations || !strings.Contains(found[0].Message, "failed delete-volume") ||
		!strings.Contains(found[0].Message, ourName("pvc-1")) {
		t.Errorf("stranded: %+v", found)
	}
	if err := <-done; err == nil {
		t.Error("the delete has succeeded")
	}
}

// TestUnknown: an untrustworthy answer of Heketi must neither make a volume an orphan nor a PersistentVolume lost.
func TestUnknown(t *testing.T) {
	tests := []struct {
		name  string
		wreck func(f *fixture)
	}{
		{"empty database", func(f *fixture) { f.server.EmptyDatabase() }},
		{"another database", func(f *fixture) { f.server.ReplaceDatabase(heketitest.NewCluster()) }},
		{"wrong key", func(f *fixture) { f.server.SetKey("another") }},
		{"no dump", func(f *fixture) {
			f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusOK, Body: "{}"})
		}},
		{"half a dump", func(f *fixture) {
			f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusOK, Body: `{"clusterentries": {"a": {}}, "volumeentries": {`})
		}},
		{"no answer", func(f *fixture) { f.server.Inject(heketitest.Fault{Prefix: "GET", Drop: true}) }},
		{"operations unknown", func(f *fixture) {
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations", Status: http.StatusInternalServerError, Body: "broken"})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			pv := f.made("pvc-1")
			f.made("pvc-orphan")
			tt.wreck(f)
			found := f.find(t, pv)
			if len(found) != 1 || found[0].Check != checkUnknown || found[0].Severity != report.Warning || found[0].Commands != nil ||
				strings.Contains(found[0].Message, heketitest.DefaultKey) {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestDatabaseRebuilt(t *testing.T) {
	f := newFixture(t)
	pv := f.pv("pvc-1", noID)
	f.server.AddVolume(ourName("pvc-1"), f.cluster, false)
	var criticals []report.Finding
	for _, finding := range f.find(t, pv) {
		if finding.Severity == report.Critical {
			criticals = append(criticals, finding)
		}
		if finding.Commands != nil {
			t.Errorf("a volume in use would be deleted: %+v", finding)
		}
	}
	if len(criticals) != 1 || !strings.Contains(criticals[0].Message, "with another id") {
		t.Errorf("%+v", criticals)
	}
}

func TestGolden(t *testing.T) {
	f := newFixture(t)
	healthy := f.made("pvc-1")
	golden(t, "healthy.txt", f.find(t, healthy), f, nil)
	orphan := f.made("pvc-2")
	findings := f.find(t, healthy, f.pv("pvc-3", noID))
	golden(t, "damaged.txt", findings, f, []string{strings.TrimPrefix(orphan.Handle, "production/"), strings.Repeat("1", 32)})
	var out bytes.Buffer
	if err := report.WriteJSON(&out, findings); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != len(findings) || back[0]["severity"] != "critical" {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// text returns the report about findings, after replacing variable texts. It replaces them before lines are broken.
func text(t *testing.T, findings []report.Finding, replace ...string) string {
	t.Helper()
	replacer := strings.NewReplacer(replace...)
	for i := range findings {
		findings[i].Subject, findings[i].Message = replacer.Replace(findings[i].Subject), replacer.Replace(findings[i].Message)
		for j, command := range findings[i].Commands {
			findings[i].Commands[j] = replacer.Replace(command)
		}
	}
	var out bytes.Buffer
	if err := report.WriteText(&out, findings); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name string, findings []report.Finding, f *fixture, replace []string) {
	t.Helper()
	got := text(t, findings, append(replace, f.server.URL, "http://heketi:8080", f.cluster, strings.Repeat("c", 32))...)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it):\n%s", path, got)
	}
}

// PersistentVolumes need not name their cluster: an empty database must be detected without that.
func TestEmptyDatabaseWithoutClusterAttributes(t *testing.T) {
	f := newFixture(t)
	pv := f.made("pvc-1")
	delete(pv.Context, volume.ContextCluster)
	f.server.EmptyDatabase()
	if found := f.find(t, pv); len(found) != 1 || found[0].Check != checkUnknown || found[0].Commands != nil {
		t.Errorf("%+v", found)
	}
}
