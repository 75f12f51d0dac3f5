package integration

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// deadFirst returns the volume with storage1 first in its list of servers.
func (r *rig) deadFirst(v *csi.Volume) *csi.Volume {
	v = proto.CloneOf(v)
	servers := []string{r.lab.Storage(1).IP}
	for server := range strings.SplitSeq(v.GetVolumeContext()["servers"], ",") {
		if server != servers[0] {
			servers = append(servers, server)
		}
	}
	v.VolumeContext["servers"] = strings.Join(servers, ",")
	return v
}

// TestPowerCut switches off a storage machine under a mounted volume, mounts another client without it, and switches it on again.
func TestPowerCut(t *testing.T) {
	r := newRig(t)
	one, two := r.nodes[0], r.nodes[1]
	v := r.deadFirst(r.create(createRequest(replica3())))
	seen := r.mustGlusterVolume(nameOf(v))
	doomed := r.create(createRequest(replica3()))
	doomedSeen := r.mustGlusterVolume(nameOf(doomed))
	staging := r.stage(one, v)
	target := r.publish(one, v, staging, false)
	r.write(one, "before", target, "before")
	before := r.onlyClient(one, nameOf(v))

	r.Cleanup(func() { r.powerOn() })
	r.ok(r.lab.Storage(1).PowerCut(r.call()), "power cut")
	r.write(one, "during", target, "during")
	r.read(one, "before", target, "before")

	other := r.publish(two, v, r.stage(two, v), false)
	r.read(two, "during", other, "during")
	r.write(two, "during on node2", other, "during2")
	r.read(one, "during on node2", target, "during2")
	if n := r.onBricks(seen, "during2", "during on node2"); n != 2 {
		r.Errorf("the file is on %d bricks, want the 2 that are there", n)
	}
	_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: doomed.GetVolumeId()})
	r.refused(err, codes.FailedPrecondition, "peers are down", "repeated")

	r.powerOn()
	r.eventually(callLimit, "self-heal", func() error {
		out := r.gluster(2, "volume", "heal", nameOf(v), "info")
		entries := regexp.MustCompile(`(?m)^Number of entries: 0$`).FindAllString(out, -1)
		files := r.onBricks(seen, "during", "during") + r.onBricks(seen, "during2", "during on node2")
		if len(entries) != 3 || files != 6 {
			return fmt.Errorf("the two files are %d times on bricks, want 6; heal info says\n%s", files, out)
		}
		return nil
	})
	r.read(one, "during", target, "during")
	if after := r.onlyClient(one, nameOf(v)); after.PID != before.PID {
		r.Errorf("the client was %v and is %v", before, after)
	}
	r.eventually(callLimit, "DeleteVolume succeeds once all servers are there", func() error {
		_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: doomed.GetVolumeId()})
		return err
	})
	r.nowhere(doomedSeen, r.brickPaths(doomedSeen))
}

// powerOn switches on storage1, the machine that tests switch off, and waits until its peers see it.
func (r *rig) powerOn() {
	r.Helper()
	r.ok(r.lab.Storage(1).Start(r.call()), "power on")
	r.peersConnect()
}

// peersConnect waits until each glusterd sees the others.
func (r *rig) peersConnect() {
	r.Helper()
	r.eventually(commandLimit, "peers connect", func() error {
		for j := 1; j <= 3; j++ {
			if out := r.gluster(j, "pool", "list"); strings.Count(out, "Connected") != 3 {
				return fmt.Errorf("storage%d sees\n%s", j, out)
			}
		}
		return nil
	})
}

// TestUnplugged mounts while the first server in the list is silent.
func TestUnplugged(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.deadFirst(r.create(createRequest(replica3())))
	seen := r.mustGlusterVolume(nameOf(v))
	r.Cleanup(func() {
		r.ok(r.lab.Storage(1).Plug(r.call()), "plug the cable in")
		r.powerOn()
	})
	r.ok(r.lab.Storage(1).Unplug(r.call()), "unplug the cable")
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "data", target, "file")
	r.read(n, "data", target, "file")
	if found := r.onBricks(seen, "file", "data"); found != 2 {
		r.Errorf("the file is on %d bricks, want the 2 that can be reached", found)
	}
}

// TestSilentBricks unplugs the only server of a mounted volume: calls must not wait for it.
func TestSilentBricks(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	silent := r.storageOf(r.mustGlusterVolume(nameOf(v)).Bricks[0])
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.Cleanup(func() {
		r.ok(silent.Plug(r.call()), "plug the cable in")
		r.peersConnect()
	})
	r.ok(silent.Unplug(r.call()), "unplug the cable")
	_, err := n.NodeGetVolumeStats(r.call(), &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: target})
	r.refused(err, codes.DeadlineExceeded, "volume "+v.GetVolumeId()+" does not answer")
	second := r.publish(n, v, staging, false)
	r.glusterMount(n, second)
	for _, path := range []string{second, target} {
		r.unpublish(n, v, path)
		r.absent(n, path)
	}
	r.unstage(n, v, staging)
	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, nameOf(v))
}

// TestHeketiAway mounts and unmounts with Heketi down: the data path never needs it.
func TestHeketiAway(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.write(n, "data", target, "file")
	r.statsAgree(n, v, target)
	r.unpublish(n, v, target)
	r.unstage(n, v, staging)
	r.notMounted(n, n.dir)
	r.noClient(n, nameOf(v))
}
