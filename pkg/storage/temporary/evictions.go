package temporary

// Numbers of Heketi's operations and of their actions (heketi: apps/glusterfs/pendingop.go).
const (
	evictBrick = 8

	addBrick    = 1
	deleteBrick = 3
	parent      = 13
)

// abandonEvictions returns the unfinished evictions of lost bricks, and the removals of devices that they belong to. Heketi does not
// load an eviction without its brick, and then cleans up no other operation either (heketi: apps/glusterfs/operations_cleanup.go,
// Clean). What replaces a lost brick becomes a brick of the volume, and is deleted with it.
func (d *export) abandonEvictions(lost func(brick string) bool) (operations []string) {
	d.each("pendingoperations", func(id string, operation entry) {
		if operation.number("Type") != evictBrick {
			return
		}
		ids := map[int]string{}
		for _, a := range operation.actions() {
			ids[a.change] = a.id
		}
		if !lost(ids[deleteBrick]) {
			return
		}
		operations = append(operations, id, ids[parent])
		if replacement := ids[addBrick]; replacement != "" && !lost(replacement) {
			d.adopt(replacement)
		}
	})
	return operations
}

// adopt makes a pending brick a brick of its volume and of its device.
func (d *export) adopt(brick string) {
	var volume, device string
	d.each("brickentries", func(id string, e entry) {
		if id != brick {
			return
		}
		info := e.sub("Info")
		volume, device = info.text("volume"), info.text("device")
		e.fields["Pending"] = encoded(map[string]string{"Id": ""})
	})
	d.each("volumeentries", func(id string, e entry) {
		if id == volume {
			e.with("Bricks", brick)
		}
	})
	d.each("deviceentries", func(id string, e entry) {
		if id == device {
			e.with("Bricks", brick)
		}
	})
}
