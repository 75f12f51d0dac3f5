package healing

import (
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// withoutRemovable removes the mounts that their container may have removed itself.
func withoutRemovable(kept []tables.Table) []tables.Table {
	all := slices.Clone(kept)
	for i, t := range all {
		if slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return m.Later }) && t.MayUnmount() {
			all[i] = t.WithoutLater()
		}
	}
	return all
}

// dropped returns the snapshot of what the kernel may have dropped: if the graph has not changed, without the mounts that their
// container may have removed itself.
func dropped(kept tables.Snapshot, graph string) tables.Snapshot {
	if kept.Graph == graph {
		kept.Tables = withoutRemovable(kept.Tables)
	}
	return kept
}

// noted notes which mounts of the seen tables are later than the kept tables.
func noted(seen, kept []tables.Table) []tables.Table {
	all := slices.Clone(seen)
	for i, t := range all {
		if j := slices.IndexFunc(kept, func(was tables.Table) bool { return was.Target() == t.Target() }); j >= 0 {
			all[i] = t.Noted(kept[j])
		}
	}
	return all
}
