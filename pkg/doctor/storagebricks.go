package doctor

import (
	"maps"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkBricks = "storage-bricks"

// volumeBricks merges the reports of all servers about one volume.
type volumeBricks struct {
	stopped, heals bool
	offline        []string // bricks that are offline
	nodes          []string // nodes of the offline bricks, each once
	on             *server  // one of the servers that have an offline brick
}

// bricks reports stopped volumes, and bricks that are offline on the servers that have answered.
func (s *section) bricks(answered []*server) {
	before, count := len(s.found), 0
	volumes := map[string]*volumeBricks{}
	for _, one := range answered {
		for i := range one.status.Volumes {
			v := &one.status.Volumes[i]
			state := volumes[v.Name]
			if state == nil {
				state = &volumeBricks{heals: v.Heals()}
				volumes[v.Name] = state
			}
			if !v.Started() {
				state.stopped = state.stopped || v.Status == "Stopped" // a volume that is being made has the status Created
				continue
			}
			count += len(v.Bricks)
			for _, b := range v.Bricks {
				if b.Started() {
					continue
				}
				state.offline, state.on = append(state.offline, b.Path+" (node "+one.node+")"), one
				if !slices.Contains(state.nodes, one.node) {
					state.nodes = append(state.nodes, one.node)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(volumes)) {
		if state := volumes[name]; state.stopped {
			s.add(report.Warning, "storage-volumes", "", "gluster volume "+name+" is stopped and cannot be mounted", "if it was not stopped on purpose, start it:",
				s.inServer(answered[0], "volume start "+name))
		} else if len(state.offline) > 0 {
			s.offline(name, state)
		}
	}
	s.ok(checkBricks, before, "all "+plain.Plural(count, "brick")+" of started volumes are online")
}

// offline adds the finding about one volume. Offline bricks on several servers may be copies of each other, and are treated as
// such.
func (s *section) offline(volume string, state *volumeBricks) {
	severity, meaning := report.Warning, "the other copies still serve"
	switch {
	case !state.heals:
		severity, meaning = report.Critical, "the volume has no copies, so files are missing"
	case len(state.nodes) > 1:
		severity, meaning = report.Critical, "files may be read-only or unavailable"
	case s.silent:
		severity, meaning = report.Critical, "a server has not answered, so files may be read-only or unavailable"
	}
	s.add(severity, checkBricks, "", "gluster volume "+volume+" has "+plain.Plural(len(state.offline), "brick")+" offline; "+meaning+". Offline: "+named(state.offline, ", "),
		"the events of the server's pod say whether the brick's file system is mounted. The log in /var/log/glusterfs/bricks on the node says why the brick's process "+
			"has ended. docs/storage-nodes.md (\"A disk has died\") says how to replace a device. Otherwise this starts the brick again:",
		s.kubectl("describe pod "+state.on.pod), s.inServer(state.on, "volume start "+volume+" force"))
}
