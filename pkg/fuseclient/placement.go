package fuseclient

import (
	"context"
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

// openNode prepares the node for clients. Where that is not possible, they run in the container.
func (m *Manager) openNode(ctx context.Context) {
	state := PlacementState{Placement: PlacementPod}
	if m.cfg.Placement == PlacementNode {
		if err := m.tryNode(ctx); err != nil {
			state.Error = err.Error()
			klog.FromContext(ctx).Error(err, "GlusterFS clients run in the node plugin's container and end with it, because they cannot be placed outside; "+
				"see docs/troubleshooting.md")
		} else {
			state = PlacementState{Placement: PlacementNode, Version: m.node.Version()}
			m.leaveBehind(klog.FromContext(ctx), m.cfg.CgroupName, m.node.Sweep(questions))
		}
	}
	if err := state.write(m.cfg.StateDir); err != nil {
		klog.FromContext(ctx).Info("Cannot write down for doctor where clients run", "err", err.Error())
	}
}

func (m *Manager) tryNode(ctx context.Context) error {
	binary, err := exec.LookPath(m.cfg.Glusterfs)
	if err == nil {
		binary, err = filepath.Abs(binary)
	}
	if err == nil {
		m.node, err = placement.OpenNode(ctx, placement.Config{
			StateDir: m.cfg.StateDir, Glusterfs: binary, Group: m.cfg.CgroupName, MemoryLimit: m.cfg.MemoryLimit,
		})
	}
	return err
}

// questions begins the names of cgroups in which clients are asked: that process may wait for a client for longer than the
// container is to live.
const questions = "questions-"

// startAsker starts a process that asks clients.
func (m *Manager) startAsker(cmd *exec.Cmd) (ended func(), err error) {
	if m.node == nil {
		return func() {}, cmd.Start()
	}
	name := questions + strconv.FormatInt(time.Now().UnixNano(), 10)
	return func() { _ = m.node.Remove(name) }, m.node.StartBeside(cmd, name) // Close and the next start remove what is left
}

// closeNode removes what no client needs.
func (m *Manager) closeNode() {
	if m.node == nil {
		return
	}
	_ = m.node.Sweep(questions) // what is left, the next start removes
	m.node.Close()
}

// startClient starts the client of a record where clients run.
func (m *Manager) startClient(cmd *exec.Cmd, r record) error {
	if m.node == nil {
		return cmd.Start()
	}
	return m.node.Start(cmd, r.name())
}

// updateResolver lets clients on the node look names up as the node does now.
func (m *Manager) updateResolver(ctx context.Context) {
	if m.node == nil {
		return
	}
	said := ""
	if err := m.node.UpdateResolver(m.cfg.ResolverRoot); err != nil {
		said = err.Error()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if said != "" && said != m.resolverError {
		klog.FromContext(ctx).Info("GlusterFS clients look names up as this container does, not as the node", "err", said)
	}
	m.resolverError = said
}

// removeCgroup removes the cgroup of a client that has ended, by the name of its record.
func (m *Manager) removeCgroup(client string) error {
	if m.node == nil {
		return nil
	}
	return m.node.Remove(client)
}

// sweepTrees removes the files of versions that no client uses.
func (m *Manager) sweepTrees(log klog.Logger) {
	if m.node == nil {
		return
	}
	used := map[string]bool{}
	for _, c := range runningClients(m.cfg.StateDir, "") {
		used[versionOf(c.process)] = true
	}
	m.leaveBehind(log, filepath.Join(m.cfg.StateDir, placement.TreeDir), m.node.RemoveOtherTrees(func(version string) bool { return used[version] }))
}
