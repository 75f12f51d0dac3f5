package doctor

import (
	"fmt"
	"maps"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkBricks = "storage-bricks"

// bricks looks for volumes that are stopped, and for bricks that are offline on the servers that have answered.
func (s *installation) bricks(answered []*server) []report.Finding {
	count, offline := 0, map[string][]offlineBrick{} // by volume
	stopped := map[string]bool{}
	for _, one := range answered {
		for _, v := range one.status.Volumes {
			stopped[v.Name] = stopped[v.Name] || v.Status == "Stopped"
			if !v.Started() {
				continue
			}
			count += len(v.Bricks)
			for _, b := range v.Bricks {
				if !b.Started() {
					offline[v.Name] = append(offline[v.Name], offlineBrick{server: one, volume: v, brick: b})
				}
			}
		}
	}
	var findings []report.Finding
	for _, volume := range slices.Sorted(maps.Keys(stopped)) {
		if stopped[volume] {
			findings = append(findings, s.finding(report.Warning, "storage-volumes", "gluster volume "+volume+" is stopped, so that it cannot be mounted",
				"unless it was stopped on purpose:", s.glusterCommand(answered[0].pod, "volume start %s", volume)))
		}
	}
	for _, volume := range slices.Sorted(maps.Keys(offline)) {
		findings = append(findings, s.offline(volume, offline[volume]))
	}
	if len(offline) == 0 {
		findings = append(findings, s.finding(report.OK, checkBricks, fmt.Sprintf("all %s are online", plural(count, "brick")), ""))
	}
	return findings
}

type offlineBrick struct {
	server *server
	volume glustercli.Volume
	brick  glustercli.Brick
}

// offline is the finding about one volume. Several bricks may belong to one set of copies or to several, so that those of several
// servers are taken for the worse.
func (s *installation) offline(volume string, bricks []offlineBrick) report.Finding {
	texts := make([]string, 0, len(bricks))
	nodes := map[string]bool{}
	for _, b := range bricks {
		texts = append(texts, fmt.Sprintf("%s (node %s)", b.brick.Path, b.server.node))
		nodes[b.server.node] = true
	}
	severity, meaning := report.Warning, "the other copies serve"
	switch {
	case !bricks[0].volume.Heals():
		severity, meaning = report.Critical, "the volume has no copies, and files are missing"
	case len(nodes) > 1:
		severity, meaning = report.Critical, "files may be unavailable or read-only"
	}
	pod := bricks[0].server.pod
	return s.finding(severity, checkBricks, fmt.Sprintf("gluster volume %s: %s offline, %s: %s", volume, bricksAre(len(bricks)), meaning, named(texts, ", ")),
		"the readiness probe of the server's pod says whether its file system is mounted, and the log in /var/log/glusterfs/bricks why its process has ended. A device that is lost "+
			"for good is replaced with heketi-cli (docs/day-one.md, \"Afterwards\"); otherwise this starts the brick again:",
		s.kubectl("describe pod %s", pod), s.glusterCommand(pod, "volume start %s force", volume))
}

func bricksAre(n int) string {
	if n == 1 {
		return "1 brick is"
	}
	return fmt.Sprintf("%d bricks are", n)
}
