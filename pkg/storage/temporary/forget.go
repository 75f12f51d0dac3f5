package temporary

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Lost holds the Heketi ids of the lost nodes and devices.
type Lost struct{ Nodes, Devices []string }

// Forget changes the database while no Heketi runs: it removes lost nodes and devices, the bricks on them, and volumes that have
// no other bricks. Heketi itself deletes no volume that has a brick on a node that does not answer, and no device that has a
// brick. Forget also removes the lost bricks from unfinished operations, because Heketi neither undoes nor finishes an operation
// that needs one of them.
func (o Options) Forget(ctx context.Context, lost Lost) error {
	return o.edit(ctx, "remove lost nodes and devices from Heketi's database", func(d *export) bool {
		d.forget(lost)
		return true
	})
}

// forget does this in an exported database. All other entries and fields stay as they are (heketi: apps/glusterfs/*_entry.go).
func (d *export) forget(lost Lost) {
	isLost := func(ids []string) func(string) bool { return func(id string) bool { return slices.Contains(ids, id) } }
	nodes, devices, bricks := slices.Clone(lost.Nodes), slices.Clone(lost.Devices), []string(nil)
	d.each("deviceentries", func(id string, device entry) {
		if slices.Contains(nodes, device.text("NodeId")) {
			devices = append(devices, id)
		}
	})
	d.each("brickentries", func(id string, brick entry) {
		if slices.Contains(devices, brick.info().text("device")) {
			bricks = append(bricks, id)
		}
	})
	volumes := d.volumesOn(isLost(bricks))
	d.remove("nodeentries", nodes)
	d.remove("deviceentries", devices)
	d.remove("brickentries", bricks)
	d.remove("volumeentries", volumes)
	d.remove("pendingoperations", d.operationsOn(isLost(volumes)))
	d.each("nodeentries", func(_ string, node entry) { node.without("Devices", isLost(devices)) })
	d.each("deviceentries", func(_ string, device entry) { device.without("Bricks", isLost(bricks)) })
	d.each("volumeentries", func(_ string, volume entry) { volume.without("Bricks", isLost(bricks)) })
	d.each("clusterentries", func(_ string, cluster entry) {
		info := cluster.info()
		info.without("nodes", isLost(nodes))
		info.without("volumes", isLost(volumes))
		cluster.fields["Info"] = encoded(info.fields)
	})
	d.each("pendingoperations", func(_ string, operation entry) {
		actions := operation.actions()
		operation.fields["Actions"] = encoded(slices.DeleteFunc(actions, func(a action) bool { return isLost(bricks)(a.id) }))
	})
}

// volumesOn returns the ids of the volumes that have only lost bricks.
func (d *export) volumesOn(lost func(brick string) bool) (volumes []string) {
	d.each("volumeentries", func(id string, volume entry) {
		bricks := volume.list("Bricks")
		if len(bricks) > 0 && len(slices.DeleteFunc(bricks, lost)) == 0 {
			volumes = append(volumes, id)
		}
	})
	return volumes
}

// operationsOn returns the ids of the unfinished operations on lost volumes.
func (d *export) operationsOn(lost func(volume string) bool) (operations []string) {
	d.each("pendingoperations", func(id string, operation entry) {
		if slices.ContainsFunc(operation.actions(), func(a action) bool { return lost(a.id) }) {
			operations = append(operations, id)
		}
	})
	return operations
}

// export is an exported database. It collects the errors of the operations on it.
type export struct {
	sections map[string]json.RawMessage
	errs     []error
}

// entry is an entry of a section.
type entry struct {
	*export
	name   string
	fields map[string]json.RawMessage
}

// each calls a function for each entry of a section, and keeps the changes that the function makes.
func (d *export) each(section string, do func(id string, e entry)) {
	entries := d.entries(section)
	for id, raw := range entries {
		e := entry{export: d, name: section + "." + id}
		d.decode(e.name, raw, &e.fields)
		do(id, e)
		entries[id] = encoded(e.fields)
	}
	d.sections[section] = encoded(entries)
}

func (d *export) remove(section string, ids []string) {
	entries := d.entries(section)
	for _, id := range ids {
		delete(entries, id)
	}
	d.sections[section] = encoded(entries)
}

func (d *export) entries(section string) (entries map[string]json.RawMessage) {
	d.decode(section, d.sections[section], &entries)
	return entries
}

func (d *export) decode(name string, raw json.RawMessage, to any) {
	if err := json.Unmarshal(raw, to); err != nil {
		d.errs = append(d.errs, fmt.Errorf("%s: %w", name, err))
	}
}

func (e entry) text(field string) (text string) {
	e.decode(e.name+"."+field, e.fields[field], &text)
	return text
}

func (e entry) number(field string) (number int) {
	e.decode(e.name+"."+field, e.fields[field], &number)
	return number
}

// action is a part of an unfinished operation. Its JSON stays unchanged.
type action struct {
	json.RawMessage
	change int
	id     string // of a volume, brick or other object
}

func (e entry) actions() (actions []action) {
	var all []json.RawMessage
	e.decode(e.name+".Actions", e.fields["Actions"], &all)
	for _, raw := range all {
		var decoded struct {
			Change int
			ID     string `json:"Id"`
		}
		e.decode(e.name+".Actions", raw, &decoded)
		actions = append(actions, action{RawMessage: raw, change: decoded.Change, id: decoded.ID})
	}
	return actions
}

// info returns the entry's field Info, which Heketi shows to its clients.
func (e entry) info() entry {
	info := entry{export: e.export, name: e.name + ".Info"}
	e.decode(info.name, e.fields["Info"], &info.fields)
	return info
}

func (e entry) list(field string) (ids []string) {
	e.decode(e.name+"."+field, e.fields[field], &ids)
	return ids
}

// without removes ids from a list.
func (e entry) without(field string, lost func(id string) bool) {
	ids := e.list(field)
	if slices.ContainsFunc(ids, lost) {
		e.fields[field] = encoded(slices.DeleteFunc(ids, lost))
	}
}

// with adds an id to a list that does not have it. Heketi needs its lists to be sorted.
func (e entry) with(field, id string) {
	if ids := e.list(field); !slices.Contains(ids, id) {
		ids = append(ids, id)
		slices.Sort(ids)
		e.fields[field] = encoded(ids)
	}
}
