package storage

import (
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
)

// tearDownRefused creates the Job that takes the installation apart, although there is a volume. The Job waits for a minute, because
// the volume could be being deleted.
func tearDownRefused(t *testing.T, i installed) {
	t.Helper()
	pv := clustertest.Kubectl(t, cluster, "get", "pvc/workload", "--output=jsonpath={.spec.volumeName}")
	volume := clustertest.Kubectl(t, cluster, "get", "pv/"+pv, "--output=jsonpath={.spec.csi.volumeAttributes.volume}")
	volumes, bricks, heketi := i.heketi("volume", "list"), i.bricks(), uidOfHeketi(i)

	i.in("create", "job", "refused", "--from=cronjob/storage-teardown")
	i.in("wait", "--for=condition=Failed", "job/refused", patience)
	if reason := i.in("get", "job/refused", `--output=jsonpath={.status.conditions[?(@.type=="Failed")].reason}`); reason != "PodFailurePolicy" {
		t.Errorf("the Job has failed because of %q, want its exit code (PodFailurePolicy)", reason)
	}
	if log, want := i.in("logs", "job/refused"), "refused: Heketi still has volumes: "+volume+" (id "; volume == "" || !strings.Contains(log, want) {
		t.Errorf("the log of the Job lacks %q:\n%s", want, log)
	}
	i.in("delete", "job/refused", patience)

	if after := i.heketi("volume", "list"); after != volumes {
		t.Errorf("Heketi had the volumes\n%s\nand has\n%s", volumes, after)
	}
	if after := i.bricks(); !slices.Equal(after, bricks) {
		t.Errorf("gluster had the bricks %q and has %q", bricks, after)
	}
	if after := uidOfHeketi(i); after != heketi {
		t.Errorf("Heketi's pod had the uid %s and has %s", heketi, after)
	}
}

func uidOfHeketi(i installed) string {
	i.Helper()
	return i.in("get", "pod/heketi-0", "--output=jsonpath={.metadata.uid}")
}
