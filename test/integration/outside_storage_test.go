package integration

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

const commandLimit = time.Minute

// command runs a program inside a machine and returns its output.
func (r *rig) command(m *lab.Machine, name string, args ...string) (string, error) {
	return m.Output(r.ctx(commandLimit), name, args...)
}

// gluster runs the gluster command on the i-th storage machine.
func (r *rig) gluster(i int, args ...string) string {
	r.Helper()
	out, err := outside.Gluster(r.ctx(commandLimit), r.lab.Storage(i), args...)
	r.ok(err, "gluster")
	return out
}

func (r *rig) glusterVolumes() []outside.GlusterVolume {
	r.Helper()
	all, err := outside.GlusterVolumes(r.ctx(commandLimit), r.lab)
	r.ok(err, "gluster's volumes")
	return all
}

// mustGlusterVolume returns a volume that must exist.
func (r *rig) mustGlusterVolume(name string) outside.GlusterVolume {
	r.Helper()
	found, err := outside.InGluster(r.ctx(commandLimit), r.lab, name)
	r.ok(err, "gluster's volumes")
	if len(found) != 1 {
		r.Fatalf("gluster has %d volumes of name %s; it has %+v", len(found), name, r.glusterVolumes())
	}
	return found[0]
}

// brickPaths returns the bricks' directories on the host. Bricks of machines that are off are left out.
func (r *rig) brickPaths(v outside.GlusterVolume) []string {
	r.Helper()
	paths, err := outside.BrickPaths(r.ctx(commandLimit), r.lab, v)
	r.ok(err, "bricks")
	return paths
}

// storageOf returns the storage machine of a brick.
func (r *rig) storageOf(brick string) *lab.Machine {
	r.Helper()
	found, err := outside.BrickAt(r.lab, brick)
	r.ok(err, "bricks")
	return found.Machine
}

// onBricks counts the bricks that hold a file with this content.
func (r *rig) onBricks(v outside.GlusterVolume, file, content string) int {
	r.Helper()
	all, err := outside.OnBricks(r.ctx(commandLimit), r.lab, v, file)
	r.ok(err, "bricks")
	found := 0
	for _, there := range all {
		if there == content {
			found++
		}
	}
	return found
}

func (r *rig) heketiVolumes() []outside.HeketiVolume {
	r.Helper()
	all, err := outside.HeketiVolumes(r.ctx(commandLimit), r.lab.Heketi())
	r.ok(err, "Heketi's volumes")
	return all
}

// inHeketi returns Heketi's volumes of a name; there must never be two.
func (r *rig) inHeketi(name string) []outside.HeketiVolume {
	r.Helper()
	found, err := outside.InHeketi(r.ctx(commandLimit), r.lab.Heketi(), name)
	r.ok(err, "Heketi's volumes")
	return found
}

// anOperation returns the id of one of Heketi's unfinished operations, or "" if there is none.
func (r *rig) anOperation() string {
	r.Helper()
	found, err := outside.Operations(r.call(), r.lab.Heketi())
	r.ok(err, "Heketi's operations")
	return append(found, "")[0]
}

// noOperation checks that Heketi has nothing left to clean up.
func (r *rig) noOperation() {
	r.Helper()
	if id := r.anOperation(); id != "" {
		r.Errorf("operation %s is left in Heketi", id)
	}
}

// nowhere checks that Heketi, gluster and the bricks have no trace of a volume.
func (r *rig) nowhere(v outside.GlusterVolume, bricks []string) {
	r.Helper()
	left, err := outside.Left(r.ctx(commandLimit), r.lab, v.Name, bricks)
	r.ok(err, "what is left of a volume")
	for _, found := range left {
		r.Error(found)
	}
}
