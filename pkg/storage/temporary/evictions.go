package temporary

// Numbers of Heketi's operations and of their actions (heketi: apps/glusterfs/pendingop.go).
const (
	evictBrick = 8

	addBrick    = 1
	deleteBrick = 3
	parent      = 13
)

// abandonEvictions removes the unfinished moves of bricks between devices, and the unfinished removals of devices that the moves
// belong to. It reports whether there were any. The old brick and the new brick then both belong to the volume, and are deleted
// with the volume. To finish a move, Heketi would need gluster's record of the volume, all of the volume's bricks, and a brick
// that may be on a lost device (heketi: apps/glusterfs/operations_device.go, Clean).
func (d *export) abandonEvictions() (found bool) {
	var operations []string
	d.each("pendingoperations", func(id string, operation entry) {
		if operation.number("Type") != evictBrick {
			return
		}
		operations = append(operations, id)
		for _, a := range operation.actions() {
			switch a.change {
			case parent:
				operations = append(operations, a.id)
			case addBrick, deleteBrick:
				d.makeOrdinary(a.id)
			}
		}
	})
	d.remove("pendingoperations", operations)
	return operations != nil
}

// makeOrdinary turns a brick with an unfinished operation into an ordinary brick of its volume and of its device.
func (d *export) makeOrdinary(brick string) {
	var volume, device string
	d.each("brickentries", func(id string, e entry) {
		if id == brick {
			info := e.info()
			volume, device = info.text("volume"), info.text("device")
			e.fields["Pending"] = encoded(map[string]string{"Id": ""})
		}
	})
	for section, owner := range map[string]string{"volumeentries": volume, "deviceentries": device} {
		d.each(section, func(id string, e entry) {
			if id == owner {
				e.with("Bricks", brick)
			}
		})
	}
}
