package gluster

import (
	"slices"
	"strings"
)

// volumeGroups returns the names of the LVM volume groups of the entries' devices, sorted.
func volumeGroups(entries []fileSystem) []string {
	var groups []string
	for _, entry := range entries {
		if name, ok := strings.CutPrefix(entry.device, "/dev/mapper/"); ok {
			if group := volumeGroup(name); group != "" {
				groups = append(groups, group)
			}
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// volumeGroup returns the group of a device-mapper name GROUP-VOLUME, or "" if the name has another form. LVM doubles each hyphen
// within a name.
func volumeGroup(name string) string {
	var group strings.Builder
	for {
		before, after, found := strings.Cut(name, "-")
		group.WriteString(before)
		if !found {
			return ""
		}
		if !strings.HasPrefix(after, "-") {
			break
		}
		group.WriteByte('-')
		name = after[1:]
	}
	if strings.HasPrefix(group.String(), "-") { // LVM allows no such name, and vgchange would take it for an option
		return ""
	}
	return group.String()
}
