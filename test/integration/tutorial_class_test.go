package integration_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestTutorialClass: the class in Kubernetes's own examples for kubernetes.io/glusterfs makes volumes on a Heketi without keys,
// as it did there. If Heketi requires a key, the error says that the class's key is ignored.
func TestTutorialClass(t *testing.T) {
	server := labtest.MockHeketi(t)
	class := map[string]string{"resturl": server.URL, "restuser": "joe", "restuserkey": "My Secret Life"}
	c := newController(t, "url: "+server.URL)
	c.key = ""
	c.configure("url: " + server.URL)
	_, err := c.create("pvc-1", class)
	c.refused(err, codes.Unavailable, "no key is configured for backend", "ignores restuser, restuserkey of the StorageClass")

	if err := server.WithoutKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := c.mustCreate("pvc-1", class)
	c.mustDelete(v.GetVolumeId())
}
