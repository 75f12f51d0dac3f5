package mount

import (
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// hasOtherPeers reports whether the peer group of a mount has members at other paths of this mount namespace.
func hasOtherPeers(id uint64) (bool, error) {
	all, err := Mounts(nil)
	if err != nil {
		return false, err
	}
	return otherPeers(all, id), nil
}

// otherPeers ignores members at the same path: if the namespace has the mount around that path twice, it also has each bind in
// that mount twice.
func otherPeers(all []*mountinfo.Info, id uint64) bool {
	i := slices.IndexFunc(all, func(m *mountinfo.Info) bool { return uint64(m.ID) == id })
	if i < 0 {
		return false
	}
	group := peerGroup(all[i])
	return group != "" && slices.ContainsFunc(all, func(m *mountinfo.Info) bool {
		return peerGroup(m) == group && m.Mountpoint != all[i].Mountpoint
	})
}

// peerGroup returns the tag of the mount's peer group, such as "shared:7", or "" if it has none.
func peerGroup(m *mountinfo.Info) string {
	for tag := range strings.FieldsSeq(m.Optional) {
		if strings.HasPrefix(tag, "shared:") {
			return tag
		}
	}
	return ""
}
