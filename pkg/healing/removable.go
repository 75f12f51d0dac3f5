package healing

import (
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// withoutRemovable leaves out the mounts that the container itself may have unmounted.
func withoutRemovable(kept []tables.Table) []tables.Table {
	all := slices.Clone(kept)
	for i, t := range all {
		if slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return m.Later }) && t.MayUnmount() {
			all[i] = t.WithoutLater()
		}
	}
	return all
}

// dropped returns the part of a snapshot that the kernel may have dropped. If the graph is unchanged, dropped leaves out the
// mounts that the container itself may have unmounted.
func dropped(kept tables.Snapshot, graph string) tables.Snapshot {
	if kept.Graph == graph {
		kept.Tables = withoutRemovable(kept.Tables)
	}
	return kept
}

// noted returns the tables in seen, with the field Later set for the mounts that a container or a process on the node has made.
// It compares each table with the kept table of the same namespace. The first snapshot of a client has no kept tables, so noted
// then uses the tables of the volume's former clients.
func noted(seen, kept []tables.Table, former func() []tables.Table) []tables.Table {
	all := slices.Clone(seen)
	for i, t := range all {
		then, known := continued(t, kept)
		if !known {
			then, known = continued(t, former())
		}
		if known {
			all[i] = t.Noted(then)
		} else {
			all[i] = t.FirstSeen()
		}
	}
	return all
}

func continued(t tables.Table, earlier []tables.Table) (then tables.Table, known bool) {
	i := slices.IndexFunc(earlier, t.Continues)
	if i < 0 {
		return tables.Table{}, false
	}
	return earlier[i], true
}

// formerTables returns the tables of the volume's earlier clients, beginning with the newest client.
func (h *Healer) formerTables(volumeID, client string) []tables.Table {
	var all []tables.Table
	for _, kept := range h.former(volumeID, client) {
		all = append(all, kept.Tables...)
	}
	return all
}
