package fuseclient

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"k8s.io/klog/v2"
)

// Run keeps clients and the state directory in order until ctx is done. It bounds the clients' logs, gives clients the node's
// current hosts file, resolver and certificates, ends clients whose last mount is gone, retries placing clients on the node if
// that has failed, and writes records: those with new publications at once, and those that could not be written while the disk
// was full or read-only.
func (m *Manager) Run(ctx context.Context) {
	m.logPlacement(ctx)
	ticker := time.NewTicker(m.limits.tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
			m.writePublications(ctx)
		case <-ticker.C:
			m.upkeep(ctx)
		}
	}
}

func (m *Manager) upkeep(ctx context.Context) {
	m.retryNode(ctx)
	running := m.knownClients()
	m.updateResolver(ctx)
	m.refreshSecrets(ctx, running)
	_, err := m.retireEnding(ctx) // clients that stayed because a mount was still in use
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot list the GlusterFS clients that are to end")
	}
	err = m.boundLogs(running)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot bound the logs of GlusterFS clients")
	}
	m.mu.Lock()
	ids := make([]string, 0, len(m.records))
	for id := range m.records {
		ids = append(ids, id)
	}
	m.mu.Unlock()
	for _, id := range ids {
		m.writeAgain(ctx, id)
	}
}

// upkeep searches all processes of the node for clients only in every searchEach-th round, because a search costs more than
// everything else.
const searchEach = 10

// knownClients returns the running clients: those that the last search found, and those started since. It misses a client that
// was started since and has no record any more; such a client still serves pods although its volume was unstaged. Only upkeep may
// call it.
func (m *Manager) knownClients() []runningClient {
	if m.rounds%searchEach == 0 {
		m.kept = runningClients(m.cfg.StateDir, "")
		for i := range m.kept {
			m.kept[i].version = versionOf(m.kept[i].process)
		}
	}
	m.rounds++
	m.kept = slices.DeleteFunc(m.kept, func(c runningClient) bool { return !c.process.alive() })
	processes := map[process]bool{}
	for _, c := range m.kept {
		processes[c.process] = true
	}
	m.mu.Lock()
	records := slices.Collect(maps.Values(m.records))
	m.mu.Unlock()
	for _, r := range records {
		if r.ready() && !processes[r.Process] && r.Process.alive() {
			m.kept = append(m.kept, runningClient{r.Process, hash(r.Source.VolumeID), r.Generation, r.Source, versionOf(r.Process)})
		}
	}
	return m.kept
}

// writeAgain writes the volume's record if the file differs from it. A volume with a call in progress is left to the next round.
func (m *Manager) writeAgain(ctx context.Context, volumeID string) {
	unlock, err := m.locks.acquire(ctx, "volume "+volumeID, "upkeep")
	if err != nil {
		return
	}
	defer unlock()
	r, known := m.record(volumeID)
	if !known {
		return
	}
	want, err := r.encode()
	if err == nil {
		if have, _ := os.ReadFile(m.recordPath(volumeID)); !bytes.Equal(have, want) { //nolint:gosec // below the state directory
			err = writeRecord(m.recordPath(volumeID), r)
		}
	}
	logUnwritten(ctx, volumeID, err)
}
