package doctor

import (
	"path/filepath"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// sealed reports directories that not even root can remove, although nothing is mounted on them any more: mount points of clients
// that have ended, and the kubelet's directories for volumes.
func (n *Node) sealed(subject string, volumes []fuseclient.Recorded) []report.Finding {
	candidates, _ := filepath.Glob(filepath.Join(n.StateDir, "clients", "*"))
	running := fuseclient.Clients(n.StateDir)
	candidates = slices.DeleteFunc(candidates, func(path string) bool {
		return slices.ContainsFunc(running, func(c fuseclient.Client) bool { return c.Name == filepath.Base(path) })
	})
	for _, r := range volumes {
		candidates = append(candidates, r.StagingPath)
		for target := range r.Publications {
			candidates = append(candidates, target)
		}
	}
	var paths []string
	for _, path := range candidates {
		if isSealed(path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	slices.Sort(paths)
	commands := make([]string, len(paths))
	for i, path := range paths {
		commands[i] = "chattr -i " + quoted(path)
	}
	return []report.Finding{{Severity: report.Warning, Check: checkLeftovers, Subject: subject,
		Message: plain.Plural(len(paths), "mount point") + " without a mount cannot be removed, because the flag immutable is set: " + named(paths, ", "),
		Remedy:  "the node plugin removes the flag at its next start, or when it unmounts the volume. On a node without a node plugin:", Commands: commands}}
}

// isSealed reports whether a directory without a mount is immutable. It does not call into any GlusterFS client.
func isSealed(path string) bool {
	dir, err := mount.OpenPath(path)
	if err != nil {
		return false
	}
	defer dir.Close()
	at, err := mount.Identify(dir)
	return err == nil && at.IsSealed && !at.IsRoot
}
