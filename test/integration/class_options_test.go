package integration

import (
	"strings"
	"testing"
)

// TestOptionsOfAClass: gluster gets the options in the class's order, short names are completed, and a network may be allowed.
// The same class finds its volume again, even with the options in another order.
func TestOptionsOfAClass(t *testing.T) {
	r := newRig(t)
	address := strings.Split(r.lab.Node(1).IP, ".")
	network := "auth.allow " + strings.Join(address[:2], ".") + ".0.0/16"
	const rest = "group virt, features.shard off, features.cache-invalidation on, nl-cache on"
	request := createRequest(map[string]string{"volumeOptions": network + ", " + rest})
	v := r.create(request)
	info := r.gluster(1, "volume", "info", nameOf(v))
	for _, option := range []string{"features.shard: off", "features.cache-invalidation: on", "performance.nl-cache: on", "cluster.choose-local: off"} {
		if !strings.Contains(info, "\n"+option) {
			r.Errorf("gluster does not have %q:\n%s", option, info)
		}
	}
	request.Parameters = map[string]string{"volumeoptions": rest + ", " + network}
	if again := r.create(request); again.GetVolumeId() != v.GetVolumeId() {
		r.Errorf("the same options in another order make another volume: %s and %s", v.GetVolumeId(), again.GetVolumeId())
	}
	r.canBeUsed(v, r.mustGlusterVolume(nameOf(v)), 3)
	r.delete(v.GetVolumeId())
}
