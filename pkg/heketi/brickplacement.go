package heketi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options and tags that determine where Heketi puts bricks (heketi: apps/glusterfs/volume_entry.go, tags.go).
const (
	optionZoneChecking = "user.heketi.zone-checking"
	optionTagMatch     = "user.heketi.device-tag-match"

	tagArbiter      = "arbiter"
	arbiterRequired = "required" // arbiter bricks only
	arbiterDisabled = "disabled" // no arbiter bricks
)

// NewRoom finds the disks of a cluster that may take bricks: disks that are online, belong to a node that is online, and are
// admitted by the layout's options. A cluster that takes no file volumes has no such disks.
//
// Arbiter bricks are small. If some disks are set aside for arbiter bricks, Heketi places the arbiter brick of a set first, on
// one of these disks, and the data bricks in the other groups. Otherwise an arbiter brick may take the place of a data brick.
func NewRoom(dump Dump, cluster string, layout Layout) Room {
	room := Room{cluster: cluster, layout: layout}
	if !dump.Clusters[cluster].File {
		return room
	}
	groups := map[string]group{}
	setAside := map[string]bool{} // groups with a disk that takes only arbiter bricks
	arbiterFits := false
	for _, device := range dump.Devices {
		node := dump.Nodes[device.Node]
		if !device.Online || !node.Online || !slices.Contains(dump.Clusters[cluster].Nodes, device.Node) {
			continue
		}
		tags := merged(node.Tags, device.Tags)
		if !layout.admits(tags) {
			continue
		}
		in := layout.group(device.Node, node.Zone)
		if tags[tagArbiter] != arbiterDisabled {
			arbiterFits = true
		}
		if layout.hasArbiter() && tags[tagArbiter] == arbiterRequired {
			setAside[in] = true
			continue
		}
		groups[in] = append(groups[in], disk{freeKiB: device.FreeKiB, extentKiB: max(device.ExtentKiB, 1)})
	}
	if layout.hasArbiter() && !arbiterFits {
		return room
	}
	room.groups = slices.Collect(maps.Values(groups))
	room.choices = []choice{{places: layout.BricksInSet(), groups: room.groups}}
	if len(setAside) > 0 {
		room.choices = nil
	}
	for arbiter := range setAside {
		others := maps.Clone(groups)
		delete(others, arbiter)
		room.choices = append(room.choices, choice{places: layout.dataPlaces(), groups: slices.Collect(maps.Values(others))})
	}
	return room
}

// group returns the name of a disk's group: the zone if zones are strict, or else the node.
func (l Layout) group(node string, zone int) string {
	if l.strictZones() {
		return strconv.Itoa(zone)
	}
	return node
}

func (l Layout) strictZones() bool { return l.option(optionZoneChecking) == "strict" }

// Lacks returns a text if a set of bricks needs more nodes, or zones, than the cluster has with disks for the layout: then
// nothing fits, however much space is free. Otherwise it returns "". It also returns "" for a volume with arbiter bricks, because
// disks that are set aside for them leave more than one way to place a set.
func (r Room) Lacks() string {
	places := r.layout.BricksInSet()
	if len(r.groups) >= places || r.layout.hasArbiter() {
		return ""
	}
	where := "nodes"
	if r.layout.strictZones() {
		where = "zones"
	}
	return fmt.Sprintf("it needs %d %s, and cluster %s has %d with an online disk that may be used for it",
		places, where, r.cluster, len(r.groups))
}

// admits reports whether a disk with these tags satisfies the layout's rule for tags, which is key=value or key!=value.
func (l Layout) admits(tags map[string]string) bool {
	rule := l.option(optionTagMatch)
	if rule == "" {
		return true
	}
	key, value, _ := strings.Cut(rule, "=")
	if name, negated := strings.CutSuffix(key, "!"); negated {
		return tags[name] != value
	}
	return tags[key] == value
}

// option returns the value of an option of Heketi. If it is given more than once, the last one counts (heketi:
// apps/glusterfs/volume_entry.go, volOptsMap).
func (l Layout) option(key string) string {
	for _, o := range slices.Backward(l.Options) {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

// merged returns the tags of a device together with those of its node. The device's own tags take precedence.
func merged(node, device map[string]string) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, node)
	maps.Copy(tags, device)
	return tags
}
