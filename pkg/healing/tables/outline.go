package tables

import (
	"io"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// outline holds the data of all lines of a table that the second reading needs.
type outline struct {
	nodes   []node
	byID    map[int32]int32 // positions in nodes
	present []bool          // by device
	cutOff  bool            // the table has more lines
}

type node struct {
	id, parent int32
	device     int32 // position among the wanted devices; -1 for others
	length     int32 // bytes of the line; more than longestLine if it is too long
}

// outlineOf reads a table for the first time.
func (r *reader) outlineOf(table io.ReadSeeker, devices map[string]int) (outline, error) {
	o := outline{present: make([]bool, len(devices))}
	err := r.each(table, func(line []byte) bool {
		if o.cutOff = len(o.nodes) == mostLines; o.cutOff {
			return false
		}
		id, parent, number, ok := head(line)
		if !ok {
			return true
		}
		n := node{id, parent, -1, int32(len(line))}
		if i, known := devices[string(number)]; known {
			n.device, o.present[i] = int32(i), true
		}
		o.nodes = append(o.nodes, n)
		return true
	})
	o.cutOff = o.cutOff || r.cutOff
	o.byID = make(map[int32]int32, len(o.nodes))
	for i, n := range o.nodes {
		o.byID[n.id] = int32(i)
	}
	return o, err
}

// concerns reports for each node whether it is a mount of a device, or below such a mount.
func (o *outline) concerns(device int32) []bool {
	is, looked := make([]bool, len(o.nodes)), make([]bool, len(o.nodes))
	var way []int32
	for i := range o.nodes {
		way = way[:0]
		at, there := int32(i), true
		for there && !looked[at] { // looked also ends the loop if a mount is its own parent
			way, looked[at] = append(way, at), true
			if is[at] = o.nodes[at].device == device; is[at] {
				break
			}
			at, there = o.above(at)
		}
		if there && is[at] {
			for _, passed := range way {
				is[passed] = true
			}
		}
	}
	return is
}

// above returns the parent of a node. The root's parent is in no table.
func (o *outline) above(at int32) (parent int32, there bool) {
	parent, there = o.byID[o.nodes[at].parent]
	return parent, there
}

// choice holds which of the mounts that concern a device are kept.
type choice struct {
	kept    map[int32]bool // by id
	partial map[int32]bool // kept mounts inside which there are mounts that are not kept
	leftOut int
}

// choose keeps the oldest mounts, because the container runtime made these.
func (o *outline) choose(device int32, mounts, bytes int) choice {
	c := choice{kept: map[int32]bool{}, partial: map[int32]bool{}}
	for i, concerns := range o.concerns(device) {
		n := o.nodes[i]
		if !concerns {
			continue
		}
		if n.length <= longestLine && len(c.kept) < mounts && int(n.length) <= bytes {
			c.kept[n.id] = true
			bytes -= int(n.length)
			if o.cutOff {
				c.partial[n.id] = true // perhaps: the other lines are unknown
			}
			continue
		}
		c.leftOut++
		for at, there := o.above(int32(i)); there && !c.partial[o.nodes[at].id]; at, there = o.above(at) {
			c.partial[o.nodes[at].id] = true
		}
	}
	if o.cutOff {
		c.leftOut++
	}
	return c
}

// mountsOf reads a table for the second time, and returns the chosen mounts of each device.
func (r *reader) mountsOf(table io.ReadSeeker, choices map[mount.Device]choice) (map[mount.Device][]Mount, error) {
	var kept []byte
	err := r.each(table, func(line []byte) bool {
		id, _, _, ok := head(line)
		for _, c := range choices {
			if ok && isWhole(line) && c.kept[id] {
				kept = append(append(kept, line...), '\n')
				break
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	all, err := parse(kept)
	if err != nil {
		return nil, err
	}
	found := make(map[mount.Device][]Mount, len(choices))
	for _, m := range all {
		for d, c := range choices {
			if id := int32(m.ID); c.kept[id] {
				m.Partial = c.partial[id]
				found[d] = append(found[d], m)
			}
		}
	}
	return found, nil
}
