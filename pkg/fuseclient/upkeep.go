package fuseclient

import (
	"bytes"
	"context"
	"os"
	"time"

	"k8s.io/klog/v2"
)

// Run keeps clients and the state directory in order until ctx is done: it bounds the clients' logs, gives clients the node's hosts
// file, resolver and certificates as they are now, ends clients whose last mount has gone, tries again to place clients on the node
// where that has failed, and writes the records: those of new publications at once, and again those that could not be written while the
// disk was full or read-only.
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
	if m.node.Load() == nil && m.openNode(ctx) {
		m.logPlacement(ctx)
	}
	running := runningClients(m.cfg.StateDir, "")
	m.updateResolver(ctx)
	refreshSecrets(ctx, running)
	_, err := m.retireEnding(ctx) // clients that stayed because their last mount was still in use
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot see which GlusterFS clients are to end")
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

// writeAgain writes the volume's record if the file is another. A volume for which a call runs is left to the next round.
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
