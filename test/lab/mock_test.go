package lab_test

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func TestMockHeketiKeepsItsVolumesWhenKilled(t *testing.T) {
	heketi, err := lab.StartMockHeketi(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := heketi.Stop(); err != nil {
			t.Error(err)
		}
	})
	if _, err := heketi.CLI(t.Context(), "volume", "create", "--size=1", "--name=kept"); err != nil {
		t.Fatal(err)
	}
	if err := heketi.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := heketi.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	volumes, err := heketi.CLI(t.Context(), "volume", "list")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(volumes), "Name:kept") {
		t.Errorf("volume list after a restart is %q, want the volume \"kept\"", volumes)
	}
}
