package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// Heketi gives a brick an id, which is part of the names of its logical volume and its directory.
var brickID = regexp.MustCompile(`brick_([0-9a-f]{32})`)

type brickSet map[string]bool

func bricksIn(text string) brickSet {
	found := brickSet{}
	for _, match := range brickID.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

// bricksAgree checks that the same bricks, of all volumes in the lab, are in Heketi's records, in gluster's volumes, among the
// logical volumes on the disks, among the mounts, and in fstab. All storage machines must run.
func (r *rig) bricksAgree() {
	r.Helper()
	ids, err := outside.BricksInHeketi(r.ctx(commandLimit), r.lab.Heketi())
	r.ok(err, "Heketi's bricks")
	records := brickSet(ids)
	for where, found := range map[string]brickSet{
		"gluster's volumes": r.bricksInGluster(), "logical volumes": r.logicalVolumes(),
		"mounts": r.brickMounts(), "fstabs": r.bricksInFstab(),
	} {
		if !maps.Equal(found, records) {
			r.Errorf("%s have the bricks %v, Heketi has %v", where, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(records)))
		}
	}
	if unused := r.unusedPools(); len(unused) > 0 {
		r.Errorf("thin pools without a volume take room: %v", unused)
	}
}

func (r *rig) bricksInGluster() brickSet {
	r.Helper()
	found := brickSet{}
	for _, v := range r.glusterVolumes() {
		maps.Copy(found, bricksIn(strings.Join(v.Bricks, " ")))
	}
	return found
}

// logicalVolumes reads the state of the lab's stand-in for LVM (test/lab/standin/lvm).
func (r *rig) logicalVolumes() brickSet {
	return bricksIn(strings.Join(r.lvmFiles("brick_*.lv"), " "))
}

func (r *rig) unusedPools() []string {
	r.Helper()
	used := map[string]bool{}
	for _, file := range r.lvmFiles("*.lv") {
		pool, err := os.ReadFile(file)
		r.ok(err, "read the pool of a logical volume")
		used[filepath.Join(filepath.Dir(file), strings.TrimSpace(string(pool))+".pool")] = true
	}
	return slices.DeleteFunc(r.lvmFiles("*.pool"), func(file string) bool { return used[file] })
}

func (r *rig) lvmFiles(pattern string) []string {
	r.Helper()
	files, err := filepath.Glob(filepath.Join(r.lab.Dir(), "storage*", "lvm", "*", pattern))
	r.ok(err, "list logical volumes")
	return files
}

func (r *rig) brickMounts() brickSet {
	r.Helper()
	return r.onStorage(func(i int) string {
		pid, err := r.lab.Storage(i).Pid(r.ctx(commandLimit))
		r.ok(err, "pid of a storage machine")
		return fmt.Sprintf("/proc/%d/mounts", pid)
	})
}

func (r *rig) bricksInFstab() brickSet {
	r.Helper()
	return r.onStorage(func(i int) string { return filepath.Join(r.lab.Dir(), r.lab.Storage(i).Name, "heketi", "fstab") })
}

// onStorage reads a file of each storage machine.
func (r *rig) onStorage(path func(i int) string) brickSet {
	r.Helper()
	found := brickSet{}
	for i := 1; i <= lab.StorageNodes; i++ {
		text, err := os.ReadFile(path(i))
		r.ok(err, "read a file of a storage machine")
		maps.Copy(found, bricksIn(string(text)))
	}
	return found
}
