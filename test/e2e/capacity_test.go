package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestCapacity compares the capacity that is published for a class with the free space in Heketi, and checks that the scheduler
// uses it.
func TestCapacity(t *testing.T) {
	theDriver(t)
	up(t, example(t, "storageclass-wait.yaml"), "")
	eventually(t, func() error {
		published, free := publishedGiB(t, "gluster-wait"), freeGiB(t)
		// Each of the three copies needs a brick on each disk. LVM and the metadata of the thin pool take less than a hundredth.
		if published > free || published < free*99/100-1 {
			return fmt.Errorf("%d GiB are published, and each disk has %d GiB", published, free)
		}
		return nil
	})
	before := publishedGiB(t, "gluster-wait")

	s := newSpace(t, "capacity")
	s.apply(claim("fits", "gluster-wait", "ReadWriteMany", "2Gi") + claim("too-large", "gluster-wait", "ReadWriteMany", fmt.Sprintf("%dGi", before+1)))
	s.apply(pod("fits", "", "fits", 0) + pod("too-large", "", "too-large", 0))
	s.running("fits")
	eventually(t, func() error {
		if said := s.events("Pod", "too-large"); !strings.Contains(said, "did not have enough free storage") {
			return errors.New("the pod's events do not say why it waits: " + said)
		}
		return nil
	})
	t.Logf("what a person sees at a pod whose volume does not fit:\n%s", s.events("Pod", "too-large"))
	if phase := s.kubectl("get", "pvc", "too-large", "-o", "jsonpath={.status.phase}"); phase != "Pending" {
		t.Errorf("the claim that does not fit is %s, want Pending", phase)
	}
	eventually(t, func() error {
		if now := publishedGiB(t, "gluster-wait"); now > before-2 {
			return fmt.Errorf("with 2 GiB less than %d GiB, %d GiB are published", before, now)
		}
		return nil
	})
}

// TestMistakeInAClassThatWaits: the capacity of a class with a mistake is unknown. Its pods must still reach the point where the
// mistake is reported.
func TestMistakeInAClassThatWaits(t *testing.T) {
	theDriver(t)
	up(t, strings.NewReplacer("gluster-wait", "gluster-misspelt", "volumetype", "volumetipe").Replace(example(t, "storageclass-wait.yaml")), "")
	s := newSpace(t, "misspelt")
	s.apply(claim("claim", "gluster-misspelt", "ReadWriteMany", "1Gi") + pod("user", "", "claim", 0))
	eventually(t, func() error {
		if said := s.events("PersistentVolumeClaim", "claim"); !strings.Contains(said, "volumetipe") {
			return errors.New("the claim's events do not name the mistake: " + said)
		}
		return nil
	})
}

// publishedGiB returns the size of the largest volume from the only CSIStorageCapacity of a class.
func publishedGiB(t *testing.T, class string) int64 {
	t.Helper()
	var size string
	eventually(t, func() error {
		size = inDriver(t, "get", "csistoragecapacities", "-o", `jsonpath={.items[?(@.storageClassName=="`+class+`")].maximumVolumeSize}`)
		if size == "" || strings.Contains(size, " ") {
			return fmt.Errorf("the sizes published for %s are %q, want one", class, size)
		}
		return nil
	})
	quantity, err := resource.ParseQuantity(size)
	if err != nil {
		t.Fatal(err)
	}
	return quantity.Value() >> 30
}

// freeGiB returns the free space in Heketi of the disk with the least.
func freeGiB(t *testing.T) int64 {
	t.Helper()
	topology, err := outside.Topology(t.Context(), cluster.Lab().Heketi())
	ok(t, err)
	least := int64(-1)
	for _, c := range topology.ClusterList {
		for _, n := range c.Nodes {
			for _, d := range n.DevicesInfo {
				if free := int64(d.Storage.Free >> 20); least < 0 || free < least {
					least = free
				}
			}
		}
	}
	return least
}
