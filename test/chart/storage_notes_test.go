package chart

import (
	"strings"
	"testing"
)

// helm's final notes warn of likely mistakes, and name the next step.
func TestStorageNotes(t *testing.T) {
	const (
		noAuth   = "heketi.auth is false"
		plain    = "speaks plain HTTP"
		noDriver = "glusterfs-csi.enabled is false"
		claim    = "storageClassName: gluster"
	)
	for values, want := range map[string]map[string]bool{
		"minimal":        {noAuth: false, plain: true, noDriver: false, claim: true, "storagenode=glusterfs": true},
		"everything":     {noAuth: false, plain: false, noDriver: false, claim: true, "storage=yes": true},
		"without-driver": {noAuth: true, plain: true, noDriver: true, claim: false},
	} {
		said := mustHelm(t, "install", "glusterfs-storage", storageDir, "--dry-run=client", "--values", "testdata/storage/values/"+values+".yaml")
		_, said, _ = strings.Cut(said, "\nNOTES:\n")
		for text, wanted := range want {
			if strings.Contains(said, text) != wanted {
				t.Errorf("%s: %q is there: %v\n%s", values, text, !wanted, said)
			}
		}
	}
}

// The notes name the rendered Job.
func TestStorageNotesNameTheJob(t *testing.T) {
	out := mustHelm(t, "install", "glusterfs-storage", storageDir, "--dry-run=client", "--values", "testdata/storage/values/minimal.yaml")
	manifests, notes, _ := strings.Cut(out, "\nNOTES:\n")
	_, name, _ := strings.Cut(notes, "logs -f job/")
	name, _, _ = strings.Cut(name, "\n")
	if !strings.Contains(manifests, "kind: Job\nmetadata:\n  name: "+name+"\n") {
		t.Errorf("there is no Job %q", name)
	}
}
