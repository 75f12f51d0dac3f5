package fuseclient

import (
	"bytes"
	"context"
	"os"
	"time"

	"k8s.io/klog/v2"
)

// Run keeps clients and the state directory in order until ctx is done. It bounds the clients' logs, gives clients the node's
// current hosts file, resolver and certificates, and ends clients whose last mount is gone. If the node could not be prepared for
// clients, Run tries again. It writes records with new publications at once. Records that could not be written while the disk was
// full or read-only are written later. Clients that an earlier version of the driver started lose the node plugin's protection
// from the OOM killer.
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

// searchEach is the number of rounds of upkeep from one search of all processes of the node to the next. A search costs more than
// everything else in a round.
const searchEach = 10

func (m *Manager) upkeep(ctx context.Context) {
	m.retryNode(ctx)
	running := m.knownClients(m.rounds%searchEach == 0)
	m.rounds++
	for _, c := range running {
		raiseOOMScore(ctx, c.process)
	}
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
