package topology

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// largest is the maximum size of a ConfigMap.
const largest = 1 << 20

// Read reads a topology from a file. The error lists up to ten mistakes in the structure, with their lines. If there are none, it
// lists up to ten mistakes in the values, with their fields.
func Read(path string) (Topology, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Topology{}, fmt.Errorf("topology: %w", err)
	}
	if info.Size() > largest {
		return Topology{}, fmt.Errorf("topology %s: it is larger than %d bytes: is this the right file?", path, largest)
	}
	content, err := os.ReadFile(path) // #nosec G304 -- the administrator names this file
	if err != nil {
		return Topology{}, fmt.Errorf("topology: %w", err)
	}
	t, err := Parse(content)
	if err != nil {
		return Topology{}, fmt.Errorf("topology %s: %w", path, err)
	}
	return t, nil
}

// Parse reads a topology. Its errors are those of Read.
func Parse(content []byte) (Topology, error) {
	top, err := parseJSON(content)
	if err != nil {
		return Topology{}, err
	}
	r := &reader{}
	t := r.topology(top)
	if len(r.mistakes) == 0 {
		r.mistakes = check(t)
	}
	if len(r.mistakes) > 0 {
		return Topology{}, mistakesError(r.mistakes)
	}
	return t, nil
}

// reader turns JSON into a Topology and collects the mistakes.
type reader struct{ mistakes []error }

func (r *reader) topology(v value) (t Topology) {
	for _, f := range r.object(v, "the topology", "clusters") {
		for i, item := range r.list(f.value, f.name) {
			t.Clusters = append(t.Clusters, r.cluster(item, index(f.name, i)))
		}
	}
	return t
}

func (r *reader) cluster(v value, at string) Cluster {
	c := Cluster{File: true, Block: true}
	fields := r.object(v, at, "nodes", "file", "block")
	for _, f := range fields {
		path := at + "." + f.name
		switch f.name {
		case "nodes":
			for i, item := range r.list(f.value, path) {
				c.Nodes = append(c.Nodes, r.entry(item, index(path, i)))
			}
		case "file":
			c.File = r.boolean(f.value, path)
		case "block":
			c.Block = r.boolean(f.value, path)
		}
	}
	return c
}

// entry returns a node from an object with the fields node and devices.
func (r *reader) entry(v value, at string) (n Node) {
	fields := r.object(v, at, "node", "devices")
	for _, f := range fields {
		path := at + "." + f.name
		switch f.name {
		case "node":
			devices := n.Devices
			n = r.node(f.value, path)
			n.Devices = devices
		case "devices":
			for i, item := range r.list(f.value, path) {
				n.Devices = append(n.Devices, r.device(item, index(path, i)))
			}
		}
	}
	r.need(v, fields, at, "node", `"node": {"hostnames": {"manage": ["NODE"], "storage": ["ADDRESS"]}, "zone": 1}`)
	return n
}

func (r *reader) node(v value, at string) (n Node) {
	fields := r.object(v, at, "hostnames", "zone", "tags")
	for _, f := range fields {
		path := at + "." + f.name
		switch f.name {
		case "hostnames":
			n.Manage, n.Storage = r.hostnames(f.value, path)
		case "zone":
			n.Zone = r.zone(f.value, path)
		case "tags":
			n.Tags = r.tags(f.value, path)
		}
	}
	r.need(v, fields, at, "hostnames", `"hostnames": {"manage": ["NODE"], "storage": ["ADDRESS"]}`)
	r.need(v, fields, at, "zone", `"zone": 1, or another number for each group of nodes that fail together`)
	return n
}

func (r *reader) hostnames(v value, at string) (manage, storage []string) {
	fields := r.object(v, at, "manage", "storage")
	for _, f := range fields {
		switch path := at + "." + f.name; f.name {
		case "manage":
			manage = r.names(f.value, path)
		case "storage":
			storage = r.names(f.value, path)
		}
	}
	r.need(v, fields, at, "manage", `"manage": ["NODE"], the name of the Kubernetes node`)
	r.need(v, fields, at, "storage", `"storage": ["ADDRESS"], the address by which other nodes reach it`)
	return manage, storage
}

func (r *reader) names(v value, at string) (names []string) {
	list := r.list(v, at)
	for i, item := range list {
		names = append(names, r.text(item, index(at, i)))
	}
	if items, ok := v.any.([]value); ok && len(items) == 0 {
		r.mistake(v.line, at, "it is empty: it needs one name or address")
	}
	return names
}

// zone refuses 0, because Heketi takes it as a missing zone.
func (r *reader) zone(v value, at string) int {
	number, ok := v.any.(json.Number)
	zone, err := strconv.Atoi(number.String())
	if !ok || err != nil || zone < 1 {
		r.mistake(v.line, at, "%s must be a whole number from 1", describe(v))
		return 0
	}
	return zone
}

func (r *reader) device(v value, at string) (d Device) {
	if name, ok := v.any.(string); ok {
		return Device{Name: name}
	}
	if _, ok := v.any.([]field); !ok {
		r.mistake(v.line, at, `%s must be a path, as in "/dev/sdb", or an object, as in {"name": "/dev/sdb"}`, describe(v))
		return Device{}
	}
	fields := r.object(v, at, "name", "destroydata", "tags")
	for _, f := range fields {
		switch path := at + "." + f.name; f.name {
		case "name":
			d.Name = r.text(f.value, path)
		case "destroydata":
			d.DestroyData = r.boolean(f.value, path)
		case "tags":
			d.Tags = r.tags(f.value, path)
		}
	}
	r.need(v, fields, at, "name", `"name": "/dev/sdb"`)
	return d
}

func (r *reader) tags(v value, at string) map[string]string {
	tags := map[string]string{}
	for _, f := range r.object(v, at) {
		tags[f.name] = r.text(f.value, at+"."+f.name)
	}
	return tags
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
