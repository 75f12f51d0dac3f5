package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// Where clients run.
const (
	// PlacementNode is outside of every container, so that a client outlives the pod that started it.
	PlacementNode = "node"
	// PlacementPod is the container of the node plugin, with which a client ends.
	PlacementPod = "pod"
)

// openNode prepares the node for clients, and reports whether the outcome is another than before. Where that is not possible, they
// run in the container until a later round of Run succeeds.
func (m *Manager) openNode(ctx context.Context) (changed bool) {
	state := PlacementState{Placement: PlacementPod}
	if m.cfg.Placement == PlacementNode {
		node, err := m.tryNode(ctx)
		if err != nil {
			state.Error = err.Error()
		} else {
			state = PlacementState{Placement: PlacementNode, Version: node.Version()}
			m.node.Store(node)
		}
	}
	if state == m.placement {
		return false
	}
	m.placement = state
	if err := state.write(m.cfg.StateDir); err != nil {
		klog.FromContext(ctx).Info("Cannot write down for doctor where clients run", "err", err.Error())
	}
	return true
}

// logPlacement is for Run: a driver whose start fails logs nothing but the reason of that.
func (m *Manager) logPlacement(ctx context.Context) {
	if m.placement.Error != "" {
		klog.FromContext(ctx).Error(errors.New(m.placement.Error),
			"GlusterFS clients run in the node plugin's container and end with it, because they cannot be placed outside; see docs/mounts.md")
	}
}

func (m *Manager) tryNode(ctx context.Context) (*placement.Node, error) {
	if os.Getpid() == 1 {
		return nil, errors.New("the node plugin has process number 1: it needs the PID namespace of the node (hostPID), because clients end with that of the pod")
	}
	binary, err := exec.LookPath(m.cfg.Glusterfs) // absolute, as a directory of PATH that is not is an error
	if err != nil {
		return nil, err
	}
	return placement.OpenNode(ctx, placement.Config{
		StateDir: m.cfg.StateDir, Glusterfs: binary, Group: m.cfg.CgroupName, MemoryLimit: m.cfg.MemoryLimit,
	})
}

// questions begins the names of cgroups in which clients are asked: that process may wait for a client for longer than the
// container is to live.
const questions = "questions-"

// startAsker starts a process that asks clients.
func (m *Manager) startAsker(cmd *exec.Cmd) (ended func(), err error) {
	node := m.node.Load()
	if node == nil {
		return func() {}, cmd.Start()
	}
	name := questions + strconv.FormatInt(time.Now().UnixNano(), 10)
	return func() { _ = node.Remove(name) }, node.StartBeside(cmd, name) // closeNode and the next start remove what is left
}

// closeNode removes the cgroups of questions. The node's files stay open: a client that ends now may still need them.
func (m *Manager) closeNode() {
	if node := m.node.Load(); node != nil {
		_ = node.RemoveAll(questions) // what is left, the next start removes
	}
}

// preparePlace makes the place of a record's client, where clients run. discard removes what is left of it.
func (m *Manager) preparePlace(r record) (*placement.Place, error) {
	if node := m.node.Load(); node != nil {
		return node.Prepare(r.name())
	}
	confinement, err := m.confine()
	if err != nil {
		return nil, err
	}
	return confinement.Prepare()
}

// updateResolver lets clients on the node look names up as the node does now.
func (m *Manager) updateResolver(ctx context.Context) {
	node := m.node.Load()
	if node == nil {
		return
	}
	err := node.UpdateResolver(m.cfg.ResolverRoot)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.resolverError.IsNewError(err) {
		klog.FromContext(ctx).Info("GlusterFS clients look names up as this container does, not as the node", "err", err.Error())
	}
}

// removeCgroup removes the cgroup of a client that has ended, by the name of its record.
func (m *Manager) removeCgroup(client string) error {
	if node := m.node.Load(); node != nil {
		return node.Remove(client)
	}
	return nil
}

// refreshSecrets gives those of the clients that run on the node the keys and certificates as they are now.
func refreshSecrets(ctx context.Context, running []runningClient) {
	for _, c := range running {
		if c.version == "" {
			continue
		}
		err := refreshSecretsOf(c.process)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Cannot renew the certificates of a GlusterFS client", "pid", c.process.PID)
		}
	}
}

func refreshSecretsOf(client process) error {
	root, err := os.Open(client.procPath("root"))
	if err != nil || !client.alive() { // otherwise the root may be another process's
		return nil // it has ended
	}
	defer root.Close()
	return placement.RefreshSecrets(fmt.Sprintf("/proc/self/fd/%d", root.Fd()))
}

// sweepTrees removes the files of versions that no client uses, and the cgroups of clients that have ended.
func (m *Manager) sweepTrees(log klog.Logger) {
	node := m.node.Load()
	if node == nil {
		return
	}
	used := map[string]bool{}
	for _, c := range runningClients(m.cfg.StateDir, "") {
		used[versionOf(c.process)] = true
	}
	m.leaveBehind(log, filepath.Join(m.cfg.StateDir, placement.TreeDir), node.RemoveOtherTrees(func(version string) bool { return used[version] }))
	m.leaveBehind(log, "cgroup "+m.cfg.CgroupName, node.Sweep())
}
