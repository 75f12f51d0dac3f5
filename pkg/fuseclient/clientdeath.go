package fuseclient

import (
	"context"
	"time"
)

// watchForDeath notices and logs the end of a client that is still needed. It costs a goroutine and a descriptor for each volume.
func (m *Manager) watchForDeath(ctx context.Context, r record) {
	pidfd, _ := r.Process.open()
	if pidfd == -1 {
		return // the next call for the volume sees it
	}
	log := logger(ctx, r)
	go func() {
		awaitIdly(pidfd, time.Time{})
		if now, _ := m.record(r.Source.VolumeID); now.Process == r.Process {
			m.deaths.Add(1)
			log.Error(nil, "GlusterFS client has ended", "log", m.logPath(r.Source.VolumeID))
			m.reportDeath(r.Source.VolumeID)
		}
	}()
}

// OnDeath sets what is called when the client of a staged volume has ended. It is to be set before Run, and must not block.
func (m *Manager) OnDeath(call func(volumeID string)) { m.onDeath.Store(&call) }

func (m *Manager) reportDeath(volumeID string) {
	if call := m.onDeath.Load(); call != nil {
		(*call)(volumeID)
	}
}
