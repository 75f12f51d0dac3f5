package lab_test

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

func TestMockHeketiKeepsItsVolumesWhenKilled(t *testing.T) {
	heketi := labtest.MockHeketi(t)
	labtest.CLI(t, heketi, "volume", "create", "--size=1", "--name=kept")
	if err := heketi.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := heketi.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if volumes := labtest.CLI(t, heketi, "volume", "list"); !strings.Contains(volumes, "Name:kept") {
		t.Errorf("volume list after a restart is %q, want the volume \"kept\"", volumes)
	}
}
