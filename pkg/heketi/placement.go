package heketi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// What decides where Heketi puts bricks (heketi: apps/glusterfs/volume_entry.go, tags.go).
const (
	optionZoneChecking = "user.heketi.zone-checking"
	optionTagMatch     = "user.heketi.device-tag-match"

	tagArbiter      = "arbiter"
	arbiterRequired = "required" // arbiter bricks and nothing else
	arbiterDisabled = "disabled" // no arbiter bricks
)

// NewRoom looks for the disks of a cluster that may take bricks: those that are online on nodes that are online, and
// that the layout's options admit. A cluster that takes no file volumes has none.
//
// Arbiter bricks are small. Where some disks are set aside for them, these take them all, and the others need places
// only for the data; elsewhere an arbiter brick may take the place of a whole one, and is counted as that.
func NewRoom(dump Dump, cluster string, layout Layout) Room {
	room := Room{cluster: cluster, layout: layout, places: layout.BricksInSet()}
	if !dump.Clusters[cluster].File {
		return room
	}
	groups := map[string][]disk{}
	dedicated := map[string]bool{} // groups with a disk that is for arbiter bricks only
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

// group names what a disk has in common with those that may not take another brick of the same set.
func (l Layout) group(node string, zone int) string {
	if l.strictZones() {
		return strconv.Itoa(zone)
	}
	return node
}

func (l Layout) strictZones() bool { return l.option(optionZoneChecking) == "strict" }

// Lacks says that the cluster has disks for the layout on fewer nodes, or in fewer zones, than a set of bricks needs, so
// that nothing fits however much is free; "" where it has them on enough, or where disks that are set aside for arbiter
// bricks leave more than one way to place a set.
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

// option returns the value of an option of Heketi, of which the last one counts (heketi: apps/glusterfs/volume_entry.go,
// volOptsMap).
func (l Layout) option(key string) string {
	for _, o := range slices.Backward(l.Options) {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

// merged are the tags of a device; those of its node are valid for it, unless it has its own of the key.
func merged(node, device map[string]string) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, node)
	maps.Copy(tags, device)
	return tags
}
