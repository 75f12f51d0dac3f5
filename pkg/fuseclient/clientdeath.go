package fuseclient

import (
	"context"
	"time"
)

// watchForDeath logs and reports the end of a client that is still needed. It costs one goroutine and one descriptor per volume.
func (m *Manager) watchForDeath(ctx context.Context, r record) {
	pidfd, _ := r.Process.open()
	if pidfd == -1 {
		return // the next call for the volume notices
	}
	log := logger(ctx, r)
	go func() {
		awaitIdly(pidfd, time.Time{})
		_, mayEnd := m.unstaging.Load(r.name()) // read before the record, which Unstage drops while the client is in unstaging
		if now, _ := m.record(r.Source.VolumeID); now.Process == r.Process && !mayEnd {
			m.deaths.Add(1)
			log.Error(nil, "GlusterFS client has ended", "log", m.logPath(r.Source.VolumeID))
			m.reportDeath(r.Source.VolumeID)
		}
	}()
}

// OnDeath sets the function to call when the client of a staged volume has ended. OnDeath must be called before Run; the function
// must not block.
func (m *Manager) OnDeath(call func(volumeID string)) { m.onDeath.Store(&call) }

// OnReplace sets the function to call before a new client replaces the client of a volume. After the call, the volume's record no
// longer describes the former client. The mounts of that client in pods can then be found only by its device. The volume is
// locked during the call.
func (m *Manager) OnReplace(call func(ctx context.Context, former Served)) { m.onReplace.Store(&call) }

func (m *Manager) reportReplace(ctx context.Context, former record) {
	if call := m.onReplace.Load(); call != nil && former.ready() {
		(*call)(ctx, served(former))
	}
}

func (m *Manager) reportDeath(volumeID string) {
	if call := m.onDeath.Load(); call != nil {
		(*call)(volumeID)
	}
}
