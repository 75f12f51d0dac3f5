package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// capacity returns GetCapacity's answer for a class: the largest volume, in GiB.
func (r *rig) capacity(parameters map[string]string) int64 {
	r.Helper()
	answer, err := r.controller.GetCapacity(r.call(), &csi.GetCapacityRequest{
		VolumeCapabilities: []*csi.VolumeCapability{sharedByAll()}, Parameters: parameters,
	})
	r.ok(err, "GetCapacity")
	largest := answer.GetMaximumVolumeSize().GetValue()
	if largest > answer.GetAvailableCapacity() {
		r.Errorf("capacity is %v", answer)
	}
	return largest / gib
}

func sized(request *csi.CreateVolumeRequest, size int64) *csi.CreateVolumeRequest {
	request.CapacityRange.RequiredBytes = size * gib
	return request
}

// TestFullDisks fills the disks and requests more, with a create and with an expand. A request that does not fit must leave
// nothing behind, and one that fits must succeed.
func TestFullDisks(t *testing.T) {
	r := newRig(t)
	largest := r.capacity(replica3())
	if largest < 3 {
		t.Fatalf("the largest volume would have %d GiB, too few for this test", largest)
	}
	tooLarge := sized(createRequest(replica3()), largest+1)
	_, err := r.controller.CreateVolume(r.call(), tooLarge)
	r.refused(err, codes.ResourceExhausted, `heketi "lab"`, "add a device or a node to the cluster, or delete volumes",
		fmt.Sprintf("the largest volume of type replicate:3 for which there is room has %d GiB", largest))
	r.noTraceOf(tooLarge)

	filler := r.create(sized(createRequest(replica3()), largest-1))
	left := r.capacity(replica3())
	if left != 1 {
		t.Fatalf("%d GiB of %d GiB are taken, and GetCapacity says that %d GiB are left", largest-1, largest, left)
	}
	request := sized(createRequest(replica3()), left+1)
	_, err = r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.ResourceExhausted, "add a device or a node")
	r.noTraceOf(request)
	v := r.create(createRequest(replica3())) // this one fits
	if left := r.capacity(replica3()); left != 0 {
		t.Errorf("GetCapacity says that %d GiB are left", left)
	}
	_, err = r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.ResourceExhausted, "there is no room for a volume of type replicate:3 of any size")
	err = r.expand(v, 2)
	r.refused(err, codes.OutOfRange, nameOf(v), "keeps its size of 1 GiB, in 3 bricks", "it can grow", "there is no room for it to grow now")
	r.isInHeketi(v, 1, "replicate:3")
	r.bricksAgree()

	r.delete(filler.GetVolumeId())
	r.expands(v, 2)
	r.delete(v.GetVolumeId())
	if now := r.capacity(replica3()); now != largest {
		t.Errorf("GetCapacity said %d GiB, and with everything deleted again it says %d", largest, now)
	}
}

// TestDisksFullerThanHeketiKnows: other logical volumes use the space on the disks, so that the disks refuse what Heketi has
// accepted.
func TestDisksFullerThanHeketiKnows(t *testing.T) {
	r := newRig(t)
	v := r.create(createRequest(single()))
	largest := r.capacity(replica3()) // the free space on each disk
	r.takeRoom(largest - 2)
	request := sized(createRequest(single()), largest)
	_, err := r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.ResourceExhausted, "insufficient free space", "heketi-cli device resync")
	r.noTraceOf(request)
	err = r.expand(v, int(largest)+1)
	r.refused(err, codes.OutOfRange, "insufficient free space", nameOf(v), "keeps its size of 1 GiB")
	r.isInHeketi(v, 1, "none")
	r.noOperation()
	r.bricksAgree()
	r.create(createRequest(single())) // this one fits
}

// takeRoom makes a logical volume that is not Heketi's on each disk, until the test ends.
func (r *rig) takeRoom(size int64) {
	r.Helper()
	for i := 1; i <= lab.StorageNodes; i++ {
		m := r.lab.Storage(i)
		out, err := r.command(m, "sh", "-c", "ls -d /run/lvm/vg_*")
		r.ok(err, "list volume groups")
		group := strings.TrimPrefix(strings.TrimSpace(out), "/run/lvm/")
		_, err = r.command(m, "/usr/sbin/lvm", "lvcreate", "--poolmetadatasize", "4096K", "--size", fmt.Sprintf("%dK", size<<20),
			"--thin", group+"/tp_foreign", "--virtualsize", "1048576K", "--name", "foreign")
		r.ok(err, "make a logical volume")
		r.Cleanup(func() {
			for _, name := range []string{"foreign", "tp_foreign"} {
				_, err := r.command(m, "/usr/sbin/lvm", "lvremove", "-f", group+"/"+name)
				r.ok(err, "remove a logical volume")
			}
		})
	}
}

// noTraceOf checks that Heketi and gluster have no volume of the request's name, that nothing is pending, and that no brick is
// left.
func (r *rig) noTraceOf(request *csi.CreateVolumeRequest) {
	r.Helper()
	for _, v := range r.heketiVolumes() {
		if strings.Contains(v.Name, request.GetName()) {
			r.Errorf("Heketi has %+v", v)
		}
	}
	for _, v := range r.glusterVolumes() {
		if strings.Contains(v.Name, request.GetName()) {
			r.Errorf("gluster has %+v", v)
		}
	}
	r.noOperation()
	r.bricksAgree()
}
