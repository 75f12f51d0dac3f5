package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// Where clients run.
const (
	// PlacementNode is outside of every container, so that a client outlives the pod that started it.
	PlacementNode = "node"
	// PlacementPod is the container of the node plugin. A client ends with that container.
	PlacementPod = "pod"
)

// placingPause is the time between a failed preparation of the node and the next attempt. On some nodes the preparation always
// fails. Each attempt reads all files of the client and starts it, and pods wait for their volumes meanwhile.
const placingPause = 5 * time.Second

// openNode prepares the node for clients, and reports whether the result differs from the previous one. Until the preparation
// succeeds, clients run in the container. If several calls run at once, one of them prepares the node for all. ctx limits only
// the wait for another call. It does not limit the preparation, whose result must not depend on the deadline of one of the calls.
func (m *Manager) openNode(ctx context.Context) (changed bool) {
	if m.placing.Acquire(ctx, 1) != nil {
		return false
	}
	defer m.placing.Release(1)
	if m.node.Load() != nil || time.Since(m.tried) < placingPause {
		return false
	}
	defer func() { m.tried = time.Now() }()
	ctx = context.WithoutCancel(ctx)
	state := PlacementState{Placement: PlacementPod}
	if m.cfg.Placement == PlacementNode {
		node, err := m.tryNode(ctx)
		if err != nil {
			state.Error = err.Error()
		} else {
			state = PlacementState{Placement: PlacementNode, Version: node.Version(), Unsupervised: !node.Supervised(), Hidden: text(node.Hidden())}
			m.node.Store(node)
		}
	}
	if state.Placement == PlacementPod {
		state.Unsupervised, state.Hidden = m.supervisionInPod()
	}
	m.mu.Lock()
	changed = state != m.placement
	m.placement = state
	m.mu.Unlock()
	if !changed {
		return false
	}
	if err := state.write(m.cfg.StateDir); err != nil {
		klog.FromContext(ctx).Info("Cannot record for doctor where clients run", "err", err.Error())
	}
	return true
}

// retryNode prepares the node again if the last preparation has failed. The failure may last only for a moment, but a client that
// is started in the container stays there. retryNode returns when ctx ends or StartTimeout has passed, even if the preparation
// hangs: the client's files may be on a disk that does not answer.
func (m *Manager) retryNode(ctx context.Context) {
	if m.cfg.Placement != PlacementNode || m.node.Load() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.StartTimeout)
	defer cancel()
	_, _ = mount.Within(ctx, m.cfg.StartTimeout, func() (changed bool, err error) {
		if changed = m.openNode(ctx); changed {
			m.logPlacement(ctx)
		}
		return changed, nil
	})
}

// supervisionInPod reports whether clients in the container cannot be supervised, and why their calls of mount(2) cannot be read.
// If an error prevents the answer, the results are zero; the start of a client then fails with that error.
func (m *Manager) supervisionInPod() (unsupervised bool, hidden string) {
	confinement, err := m.confine()
	if err != nil {
		return false, ""
	}
	supervised, err := confinement.Supervised()
	if err != nil || !supervised {
		return err == nil, ""
	}
	return false, text(confinement.Hidden(exec.Command(m.cfg.Glusterfs, "--version"))) //nolint:gosec,noctx // the client; Hidden kills it
}

// text returns the text of an error, or "".
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// logPlacement logs if clients do not run as configured. Run calls it, and not NewManager, so that a driver that fails to start
// logs only the reason for the failure.
func (m *Manager) logPlacement(ctx context.Context) {
	m.mu.Lock()
	state := m.placement
	m.mu.Unlock()
	if state.Error != "" {
		klog.FromContext(ctx).Error(errors.New(state.Error),
			"GlusterFS clients run in the node plugin's container and end with it, because they cannot be placed outside; see docs/mounts.md")
	}
	if state.Unsupervised {
		klog.FromContext(ctx).Info("GlusterFS clients can mount more than once, because the container runtime already supervises the system calls of this container; see docs/mounts.md")
	}
	if state.Hidden != "" {
		klog.FromContext(ctx).Info("GlusterFS clients make their mounts themselves, because the node plugin cannot access their memory; see docs/mounts.md", "err", state.Hidden)
	}
}

func (m *Manager) tryNode(ctx context.Context) (*placement.Node, error) {
	if os.Getpid() == 1 {
		return nil, errors.New("the node plugin has process number 1: it needs the PID namespace of the node (hostPID), because clients end with the pod's PID namespace")
	}
	binary, err := exec.LookPath(m.cfg.Glusterfs) // absolute: LookPath fails for a relative directory in PATH
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.StartTimeout)
	defer cancel()
	return placement.OpenNode(ctx, placement.Config{
		StateDir: m.cfg.StateDir, Glusterfs: binary, Group: m.cfg.CgroupName, MemoryLimit: m.cfg.MemoryLimit,
	})
}

// questions is the prefix of the names of cgroups for processes that ask clients. These cgroups are outside the container,
// because such a process may still wait for a client after the container has ended.
const questions = "questions-"

// startAsker starts a process that asks clients.
func (m *Manager) startAsker(cmd *exec.Cmd) (ended func(), err error) {
	node := m.node.Load()
	if node == nil {
		return func() {}, cmd.Start()
	}
	name := questions + strconv.FormatInt(time.Now().UnixNano(), 10)
	return func() { _ = node.Remove(name) }, node.StartBeside(cmd, name) // closeNode and the next start remove leftovers
}

// closeNode removes the cgroups of processes that ask clients. The client's files on the node stay: a client that is ending may
// still need them.
func (m *Manager) closeNode() {
	if node := m.node.Load(); node != nil {
		_ = node.RemoveAll(questions) // the next start removes leftovers
	}
}

// preparePlace prepares the place in which the record's client is to run. The method discard removes the remains of the place.
func (m *Manager) preparePlace(r record) (*placement.Place, error) {
	client := placement.Client{Name: r.name(), Log: nextLog(m.logPath(r.Source.VolumeID)), Mount: m.freshPath(r), Group: m.groups.Next()}
	if node := m.node.Load(); node != nil {
		return node.Prepare(client)
	}
	confinement, err := m.confine()
	if err != nil {
		return nil, err
	}
	return confinement.Prepare(client)
}

// updateResolver gives clients on the node the node's current hosts file and resolver.
func (m *Manager) updateResolver(ctx context.Context) {
	node := m.node.Load()
	if node == nil {
		return
	}
	err := node.UpdateResolver(m.cfg.ResolverRoot)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.resolverError.IsNewError(err) {
		klog.FromContext(ctx).Info("GlusterFS clients resolve names with this container's resolver, not the node's", "err", err.Error())
	}
}

// removeCgroup removes the cgroup of a client that has ended, given the name of its record.
func (m *Manager) removeCgroup(client string) error {
	if node := m.node.Load(); node != nil {
		return node.Remove(client)
	}
	return nil
}

// refreshSecrets gives the running clients on the node the current keys and certificates.
func (m *Manager) refreshSecrets(ctx context.Context, running []runningClient) {
	for _, c := range running {
		if c.version == "" {
			continue
		}
		err := m.refreshSecretsOf(ctx, c.process)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Cannot renew the certificates of a GlusterFS client", "pid", c.process.PID)
		}
	}
}

func (m *Manager) refreshSecretsOf(ctx context.Context, client process) error {
	err := placement.RefreshSecrets(func(dir string) (*os.File, error) {
		file, at, err := m.openIn(ctx, client, dir)
		if err != nil {
			return nil, err
		}
		// A client that a malicious server has taken over may have mounted a file system that never answers.
		if fsType, err := mount.TypeIn(client.PID, at.Mount); err != nil || fsType != "tmpfs" {
			_ = file.Close()
			return nil, fmt.Errorf("%s of process %d is not in memory: %w", dir, client.PID, fs.ErrNotExist)
		}
		return file, nil
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
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
	m.recordLeftover(log, filepath.Join(m.cfg.StateDir, placement.TreeDir), node.RemoveOtherTrees(func(version string) bool { return used[version] }))
	m.recordLeftover(log, "cgroup "+m.cfg.CgroupName, node.Sweep())
}
