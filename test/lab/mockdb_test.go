package lab_test

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func TestMockHeketiImportsADump(t *testing.T) {
	heketi, err := lab.StartMockHeketi(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := heketi.Stop(); err != nil {
			t.Error(err)
		}
	})
	cli := func(args ...string) string {
		t.Helper()
		out, err := heketi.CLI(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	cli("volume", "create", "--size=1", "--name=before")
	dump := cli("db", "dump")
	cli("volume", "create", "--size=1", "--name=after")
	if err := heketi.Import(t.Context(), []byte(strings.ReplaceAll(dump, "before", "imported"))); err != nil {
		t.Fatal(err)
	}
	volumes := cli("volume", "list")
	if strings.Count(volumes, "Name:") != 1 || !strings.Contains(volumes, "Name:imported") {
		t.Errorf("volume list after the import is %q, want only the volume \"imported\"", volumes)
	}
	if err := heketi.Import(t.Context(), []byte("no dump")); err == nil || !strings.Contains(err.Error(), "decode") {
		t.Errorf("got %v for what is no dump", err)
	}
	if again := cli("volume", "list"); again != volumes {
		t.Errorf("volume list after an import that failed is %q, want it as before", again)
	}
}
