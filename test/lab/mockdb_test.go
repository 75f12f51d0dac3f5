package lab_test

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

func TestMockHeketiImportsADump(t *testing.T) {
	heketi := labtest.MockHeketi(t)
	labtest.CLI(t, heketi, "volume", "create", "--size=1", "--name=before")
	dump := labtest.CLI(t, heketi, "db", "dump")
	labtest.CLI(t, heketi, "volume", "create", "--size=1", "--name=after")
	if err := heketi.Import(t.Context(), []byte(strings.ReplaceAll(dump, "before", "imported"))); err != nil {
		t.Fatal(err)
	}
	volumes := labtest.CLI(t, heketi, "volume", "list")
	if strings.Count(volumes, "Name:") != 1 || !strings.Contains(volumes, "Name:imported") {
		t.Errorf("volume list after the import is %q, want only the volume \"imported\"", volumes)
	}
	if err := heketi.Import(t.Context(), []byte("no dump")); err == nil || !strings.Contains(err.Error(), "decode") {
		t.Errorf("import of an invalid dump: got %v, want a decode error", err)
	}
	if again := labtest.CLI(t, heketi, "volume", "list"); again != volumes {
		t.Errorf("volume list after an import that failed is %q, want it as before", again)
	}
}
