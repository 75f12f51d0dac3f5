// Package placement starts GlusterFS clients outside the container, so that they are part of the node, like the kernel's NFS
// client, and outlive the container. Their cgroups are in a top-level group of the node, because a pod's cgroups end with the
// pod. Their root directory is made from a copy of the client's files, so it does not depend on the container's image.
//
// The caller opens one Node for each state directory; Node.Close ends no client. Before the caller starts a client, it calls
// UpdateResolver: the copy has no hosts file and no resolver configuration. Prepare makes a Place for a client; calls for
// different clients may run concurrently. The caller starts the client there, closes the Place, and removes the client's cgroup
// with Remove after the client has ended.
//
// A Confinement removes the privileges that clients do not need. A Node has one; clients in the container are started with
// Confinement.Prepare.
//
// State directory: tree/<version>, for example tree/10.3-fa72aa9271d11132, holds a copy of the client's files.
package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"k8s.io/klog/v2"
)

// DefaultGroup is the top-level cgroup of clients, unless Config names another.
const DefaultGroup = "glusterfs-csi"

// TreeDir is the name of the directory in the state directory that holds the copies.
const TreeDir = "tree"

// Config configures a Node.
type Config struct {
	StateDir    string // absolute, without symbolic links
	Glusterfs   string // the client's binary, absolute
	Group       string // top-level cgroup; default DefaultGroup
	MemoryLimit int64  // bytes per client; 0: none
}

// Node starts clients outside the container.
type Node struct {
	cfg      Config
	confine  *Confinement
	cgroups  *cgroups
	tree     tree
	root     *root
	resolver sync.Mutex // held while writing the resolver files

	supervised bool  // set by try
	hidden     error // set by try
}

// OpenNode copies the client's files and finds the node's cgroups. It fails if the container lacks a privilege or cannot see the
// node's processes.
func OpenNode(ctx context.Context, cfg Config) (*Node, error) {
	cfg.Group = cmp.Or(cfg.Group, DefaultGroup)
	trees := filepath.Join(cfg.StateDir, TreeDir)
	copied, err := copyTree(ctx, cfg.Glusterfs, trees, mountPoints(cfg.StateDir))
	if err != nil {
		newest, found := newestTree(trees, cfg.Glusterfs)
		if !found {
			return nil, err
		}
		klog.FromContext(ctx).Error(err, "Cannot copy the GlusterFS client to the node; new clients are of an earlier version", "version", filepath.Base(newest.dir))
		copied = newest
	}
	confine, err := NewConfinement()
	if err != nil {
		return nil, err
	}
	groups, err := openCgroups()
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, confine: confine, cgroups: groups, tree: copied}
	if n.root, err = copied.makeRoot(cfg.StateDir); err != nil {
		groups.close()
		return nil, fmt.Errorf("make the root directory of GlusterFS clients: %w", err)
	}
	if err := n.try(ctx); err != nil {
		n.Close()
		return nil, fmt.Errorf("try to start a client outside of the container: %w", err)
	}
	n.checkMemoryLimit(ctx)
	return n, nil
}

// checkMemoryLimit logs that the limit has no effect if the node cannot limit memory, as with cgroup_disable=memory.
func (n *Node) checkMemoryLimit(ctx context.Context) {
	if n.cfg.MemoryLimit > 0 && !slices.ContainsFunc(n.cgroups.hierarchies, func(h hierarchy) bool {
		counts, _ := h.countsMemory() // clients cannot be placed if this fails
		return counts
	}) {
		klog.FromContext(ctx).Info("The memory limit of GlusterFS clients has no effect, because the node's kernel has no memory cgroups; see docs/mounts.md#memory")
	}
}

// try checks that a client's place allows opening the FUSE device, and starts the client there once with --version. It also finds
// out whether this process can make the mounts of clients.
func (n *Node) try(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, n.tree.binary, "--version") //nolint:gosec // the client
	name := fmt.Sprintf("try-%d", os.Getpid())
	err := n.start(cmd, name, n.cfg.MemoryLimit, func() (*mountGate, error) {
		gate, err := n.enter(Client{Group: firstGroup})
		if err != nil {
			return nil, err
		}
		if n.supervised = gate != nil; n.supervised {
			gate.close() // it does not mount
		}
		device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
		if err == nil {
			_ = device.Close()
		}
		return nil, err
	})
	if err == nil {
		if n.supervised {
			n.hidden = n.confine.learn(checkAccess(cmd.Process.Pid))
		}
		err = cmd.Wait()
	}
	_ = n.Remove(name) // Sweep removes leftovers
	return err
}

// Close closes the files that Node holds. Clients keep running.
func (n *Node) Close() {
	n.root.close()
	n.cgroups.close()
}

// Version returns the version of the client and of its files, for example "10.3-fa72aa9271d11132".
func (n *Node) Version() string { return filepath.Base(n.tree.dir) }

// Supervised is like Confinement.Supervised, for clients outside of the container.
func (n *Node) Supervised() bool { return n.supervised }

// Hidden returns nil if this process can read the arguments with which a client calls mount(2). Otherwise it returns the reason,
// and the clients make their mounts themselves.
func (n *Node) Hidden() error { return n.hidden }

// Prepare makes a place for a client: a cgroup, and a thread in it that has the client's root directory and privileges. The caller
// closes the place, and removes the cgroup once the client has ended or could not be started.
func (n *Node) Prepare(client Client) (*Place, error) {
	return n.prepare(client.Name, n.cfg.MemoryLimit, func() (*mountGate, error) { return n.enter(client) })
}

// enter gives the calling thread a client's root directory and privileges.
func (n *Node) enter(client Client) (*mountGate, error) {
	if err := n.root.enter(client.Log); err != nil {
		return nil, err
	}
	return n.confine.apply(client)
}

// StartBeside starts a process in a cgroup with the given name, but with the root directory and privileges of this process.
func (n *Node) StartBeside(cmd *exec.Cmd, name string) error {
	return n.start(cmd, name, 0, unconfined)
}

func (n *Node) start(cmd *exec.Cmd, name string, memoryLimit int64, enter func() (*mountGate, error)) error {
	place, err := n.prepare(name, memoryLimit, enter)
	if err != nil {
		return err
	}
	err = place.Start(cmd)
	place.Close()
	if err != nil {
		return errors.Join(err, n.Remove(name))
	}
	return nil
}

func (n *Node) prepare(name string, memoryLimit int64, enter func() (*mountGate, error)) (*Place, error) {
	group := n.group(name)
	err := n.cgroups.create(group, memoryLimit)
	if err == nil {
		var place *Place
		if place, err = n.cgroups.place(group, enter); err == nil {
			return place, nil
		}
	}
	return nil, errors.Join(err, n.cgroups.remove(group))
}

// Memory returns the bytes that are charged to the process started under the name.
func (n *Node) Memory(name string) (int64, error) { return n.cgroups.memory(n.group(name)) }

// Remove removes the cgroup of a process that has ended. A cgroup that does not exist counts as success.
func (n *Node) Remove(name string) error { return n.cgroups.remove(n.group(name)) }

// Sweep removes the cgroups that have no process, including those of an earlier node plugin. It must not run while a process is
// being started, because the cgroup of that process is empty for a moment.
func (n *Node) Sweep() error { return n.cgroups.sweep(n.cfg.Group) }

// RemoveAll removes the cgroups whose names have the prefix, and waits a moment for their processes to end.
func (n *Node) RemoveAll(prefix string) error { return n.cgroups.removeAll(n.cfg.Group, prefix) }

// RemoveOtherTrees removes copies of clients' files except those in use and the current one.
func (n *Node) RemoveOtherTrees(used func(version string) bool) error {
	return removeOtherTrees(filepath.Dir(n.tree.dir), func(version string) bool { return version == n.Version() || used(version) })
}

func (n *Node) group(name string) string { return filepath.Join(n.cfg.Group, name) }
