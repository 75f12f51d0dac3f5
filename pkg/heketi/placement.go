package heketi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Options and tags that determine where Heketi puts bricks (heketi: apps/glusterfs/volume_entry.go, tags.go).
const (
	optionZoneChecking = "user.heketi.zone-checking"
	optionTagMatch     = "user.heketi.device-tag-match"

	tagArbiter      = "arbiter"
	arbiterRequired = "required" // arbiter bricks only
	arbiterDisabled = "disabled" // no arbiter bricks
)

// NewRoom finds the disks of a cluster that may take bricks: online disks on online nodes that the layout's options admit. A
// cluster that takes no file volumes has none.
//
// Arbiter bricks are small. If some disks are set aside for arbiter bricks, all arbiter bricks go there, and the other disks need
// places only for the data bricks. Otherwise an arbiter brick may take the place of a data brick, and is counted as one.
func NewRoom(dump Dump, cluster string, layout Layout) Room {
	room := Room{cluster: cluster, layout: layout, places: layout.BricksInSet()}
	if !dump.Clusters[cluster].File {
		return room
	}
	groups := map[string][]disk{}
	dedicated := map[string]bool{} // groups with a disk that takes only arbiter bricks
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
		group := layout.group(device.Node, node.Zone)
		if tags[tagArbiter] != arbiterDisabled {
			arbiterFits = true
		}
		if volume.HasArbiter(layout.Options) && tags[tagArbiter] == arbiterRequired {
			dedicated[group] = true
		}
		groups[group] = append(groups[group], disk{freeKiB: device.FreeKiB, extentKiB: max(device.ExtentKiB, 1)})
	}
	if volume.HasArbiter(layout.Options) && !arbiterFits {
		return room
	}
	if len(dedicated) > 0 {
		room.places = max(room.places-1, 1)
		maps.DeleteFunc(groups, func(group string, _ []disk) bool { return dedicated[group] })
	}
	room.groups = slices.Collect(maps.Values(groups))
	return room
}

// group identifies the disks of which only one may take a brick of the same set.
func (l Layout) group(node string, zone int) string {
	if l.strictZones() {
		return strconv.Itoa(zone)
	}
	return node
}

func (l Layout) strictZones() bool { return l.option(optionZoneChecking) == "strict" }

// Lacks reports that the cluster has disks for the layout on fewer nodes, or in fewer zones, than a set of bricks needs, so that
// nothing fits however much space is free. It returns "" if there are enough nodes and zones. It also returns "" for a volume
// with arbiter bricks, because disks that are set aside for them leave more than one way to place a set.
func (r Room) Lacks() string {
	if len(r.groups) >= r.places || volume.HasArbiter(r.layout.Options) {
		return ""
	}
	where := "nodes"
	if r.layout.strictZones() {
		where = "zones"
	}
	return fmt.Sprintf("it needs %d %s, and cluster %s has %d with an online disk that may be used for it",
		r.places, where, r.cluster, len(r.groups))
}

// admits applies the rule for tags, key=value or key!=value.
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
