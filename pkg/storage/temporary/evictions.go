package temporary

import (
	"context"
	"encoding/json"
	"fmt"
)

// Numbers of Heketi's operations and of their actions (heketi: apps/glusterfs/pendingop.go).
const (
	evictBrick = 8

	addBrick    = 1
	deleteBrick = 3
	parent      = 13
)

// AbandonEvictions forgets that bricks were being moved from one device to another, while no Heketi runs. The old brick and the
// new one then both belong to the volume, and are deleted with it. To finish a move, Heketi would need gluster's record of the
// volume, all of the volume's bricks, and a brick that may be on a lost device (heketi: apps/glusterfs/operations_device.go, Clean).
func (o Options) AbandonEvictions(ctx context.Context) error {
	return o.edit(ctx, func(exported []byte) ([]byte, error) {
		changed, err := withoutEvictions(exported)
		if err != nil {
			return nil, fmt.Errorf("remove interrupted moves of bricks from Heketi's database: %w", err)
		}
		return changed, nil
	})
}

// withoutEvictions returns an exported database without evictions and the removals of devices that they belong to, or nil if there
// is no eviction.
func withoutEvictions(content []byte) ([]byte, error) {
	d := export{}
	if err := json.Unmarshal(content, &d.sections); err != nil {
		return nil, err
	}
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
				d.settle(a.id)
			}
		}
	})
	d.remove("pendingoperations", operations)
	if err := d.err(); err != nil || operations == nil {
		return nil, err
	}
	return encoded(d.sections), nil
}

// settle makes a brick with an unfinished operation an ordinary brick of its volume and of its device.
func (d *export) settle(brick string) {
	var volume, device string
	d.each("brickentries", func(id string, e entry) {
		if id == brick {
			info := e.sub("Info")
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
