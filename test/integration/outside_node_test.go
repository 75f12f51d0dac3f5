package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
)

// root is the node's file system as the host sees it: with what is mounted there.
func (r *rig) root(n *node) string {
	r.Helper()
	pid, err := n.Pid(r.ctx(commandLimit))
	r.ok(err, n.Name)
	return fmt.Sprintf("/proc/%d/root", pid)
}

// inside is a path on the node for use on the host. Only for live clients: it blocks as long as the client does.
func (r *rig) inside(n *node, elem ...string) string {
	r.Helper()
	return filepath.Join(append([]string{r.root(n)}, elem...)...)
}

// mounts lists what is mounted on the node at a path or below it.
func (r *rig) mounts(n *node, path string) []*mountinfo.Info {
	r.Helper()
	pid, err := n.Pid(r.ctx(commandLimit))
	r.ok(err, n.Name)
	file, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	r.ok(err, "mountinfo of "+n.Name)
	defer func() { _ = file.Close() }()
	found, err := mountinfo.GetMountsFromReader(file, mountinfo.PrefixFilter(path))
	r.ok(err, "mountinfo of "+n.Name)
	return found
}

// glusterMount is the one mount at a path, which must be of GlusterFS.
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

// client is a GlusterFS FUSE client.
type client struct {
	pid  int // as the host counts
	args []string

	parent int
}

func (c client) String() string { return fmt.Sprintf("%d %s", c.pid, strings.Join(c.args, " ")) }

// signal sends a signal to exactly this process.
func (c client) signal(r *rig, signal syscall.Signal) {
	r.Helper()
	process, err := os.FindProcess(c.pid)
	r.ok(err, "find the client")
	r.ok(process.Signal(signal), "signal the client")
}

// clients lists the node's FUSE clients of a gluster volume, or all of them when volume is empty. Processes belong to
// the node whose mounts they see.
func (r *rig) clients(n *node, volume string) []client {
	r.Helper()
	pid, err := n.Pid(r.ctx(commandLimit))
	r.ok(err, n.Name)
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	r.ok(err, "mount namespace of "+n.Name)
	paths, err := filepath.Glob("/proc/[0-9]*")
	r.ok(err, "list /proc")
	var found []client
	for _, path := range paths {
		if own, err := os.Readlink(path + "/ns/mnt"); err != nil || own != space {
			continue
		}
		data, _ := os.ReadFile(path + "/cmdline") // empty for one that has ended
		args := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		if filepath.Base(args[0]) != "glusterfs" || volume != "" && !slices.Contains(args, "--volfile-id=/"+volume) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(path))
		r.ok(err, path)
		found = append(found, client{pid: pid, args: args, parent: parentOf(path)})
	}
	// A client calls mount(2) in a child of its own, which may not have ended yet.
	return slices.DeleteFunc(slices.Clone(found), func(c client) bool {
		return slices.ContainsFunc(found, func(other client) bool { return other.pid == c.parent })
	})
}

// parentOf reads the parent from a process's folder in /proc; 0 for one that has ended.
func parentOf(path string) int {
	data, _ := os.ReadFile(path + "/stat")
	_, rest, _ := strings.Cut(string(data), ") ") // behind the name
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// onlyClient is the node's FUSE client of a volume. There may never be a second one.
func (r *rig) onlyClient(n *node, volume string) client {
	r.Helper()
	found := r.clients(n, volume)
	if len(found) != 1 {
		r.Fatalf("%s: want exactly one FUSE client of %s, there are %d: %v", n.Name, volume, len(found), found)
	}
	return found[0]
}

// noClient waits until the volume's FUSE clients have ended, which they do on their own once nothing is mounted.
func (r *rig) noClient(n *node, volume string) {
	r.Helper()
	r.eventually(commandLimit, n.Name+": FUSE clients end", func() error {
		if found := r.clients(n, volume); len(found) > 0 {
			return fmt.Errorf("still running: %v", found)
		}
		return nil
	})
}
