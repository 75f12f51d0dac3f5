package tables

import (
	"regexp"
	"strings"
)

// podGroup matches a pod's part of a cgroup path: kubepods/burstable/pod<UID>/... or, with systemd,
// kubepods-burstable-pod<UID>.slice, where each - of the UID becomes _. The UID of a static pod is a hash.
var podGroup = regexp.MustCompile(`[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:[/.:]|$)`)

// podOf returns the UID of a process's pod, or "". cgroups is the content of /proc/PID/cgroup. podOf uses the outermost UID in the
// path, because a container can make cgroups of any name inside its own cgroup.
func podOf(cgroups string) string {
	for line := range strings.Lines(cgroups) {
		if found := podGroup.FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			return strings.ReplaceAll(found[1], "_", "-")
		}
	}
	return ""
}
