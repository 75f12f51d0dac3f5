package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// root returns the node's file system as seen from the host, including the node's mounts.
func (r *rig) root(n *node) string {
	r.Helper()
	pid, err := n.Pid(r.ctx(commandLimit))
	r.ok(err, n.Name)
	return fmt.Sprintf("/proc/%d/root", pid)
}

// inside returns the host's path of a path on the node. It may be used only with live clients: access blocks as long as the
// client does.
func (r *rig) inside(n *node, elem ...string) string {
	r.Helper()
	return filepath.Join(append([]string{r.root(n)}, elem...)...)
}

// mounts lists what is mounted on the node at a path or below it.
func (r *rig) mounts(n *node, path string) []*mountinfo.Info {
	r.Helper()
	found, err := outside.Mounts(r.ctx(commandLimit), n.Machine, mountinfo.PrefixFilter(path))
	r.ok(err, "mountinfo of "+n.Name)
	return found
}

// glusterMount returns the only mount at a path, which must be of GlusterFS.
func (r *rig) glusterMount(n *node, path string) *mountinfo.Info {
	r.Helper()
	found := r.mounts(n, path)
	if len(found) != 1 || found[0].Mountpoint != path || found[0].FSType != "fuse.glusterfs" {
		r.Fatalf("%s: want exactly one mount of fuse.glusterfs at %s, mountinfo has %s", n.Name, path, describe(found))
	}
	return found[0]
}

// notMounted checks that nothing is mounted at a path.
func (r *rig) notMounted(n *node, path string) {
	r.Helper()
	if found := r.mounts(n, path); len(found) > 0 {
		r.Fatalf("%s: %s is still mounted: %s", n.Name, path, describe(found))
	}
}

// absent checks that a path does not exist on the node, not even as an empty directory.
func (r *rig) absent(n *node, path string) {
	r.Helper()
	if _, err := os.Lstat(r.inside(n, path)); !errors.Is(err, fs.ErrNotExist) {
		r.Fatalf("%s: %s is still there: %v, mounts %s", n.Name, path, err, describe(r.mounts(n, path)))
	}
}

func describe(mounts []*mountinfo.Info) string {
	if len(mounts) == 0 {
		return "nothing"
	}
	var lines []string
	for _, m := range mounts {
		lines = append(lines, fmt.Sprintf("%s on %s type %s (%s), device %d:%d", m.Source, m.Mountpoint, m.FSType, m.Options, m.Major, m.Minor))
	}
	return strings.Join(lines, "; ")
}

func isReadOnly(m *mountinfo.Info) bool {
	return slices.Contains(strings.Split(m.Options, ","), "ro")
}

func device(m *mountinfo.Info) string { return fmt.Sprintf("%d:%d", m.Major, m.Minor) }

// signal sends a signal, such as "KILL", to the node's FUSE client of a volume.
func (r *rig) signal(n *node, volume, signal string) {
	r.Helper()
	_, err := r.command(n.Machine, "kill", "-s", signal, r.onlyClient(n, volume).PID)
	r.ok(err, "signal the client")
}

// clients lists the node's FUSE clients of a gluster volume, or all clients if volume is empty.
func (r *rig) clients(n *node, volume string) []outside.Client {
	r.Helper()
	found, err := outside.Clients(r.ctx(commandLimit), n.Machine, volume)
	r.ok(err, "clients on "+n.Name)
	return found
}

// onlyClient returns the node's FUSE client of a volume. There must never be a second one.
func (r *rig) onlyClient(n *node, volume string) outside.Client {
	r.Helper()
	found := r.clients(n, volume)
	if len(found) != 1 {
		r.Fatalf("%s: want exactly one FUSE client of %s, there are %d: %v", n.Name, volume, len(found), found)
	}
	return found[0]
}

// noClient waits until the volume's FUSE clients have ended, which they do by themselves once nothing is mounted.
func (r *rig) noClient(n *node, volume string) {
	r.Helper()
	r.eventually(commandLimit, n.Name+": FUSE clients end", func() error {
		if found := r.clients(n, volume); len(found) > 0 {
			return fmt.Errorf("still running: %v", found)
		}
		return nil
	})
}
