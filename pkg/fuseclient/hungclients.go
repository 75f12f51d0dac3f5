package fuseclient

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// hungClients remembers the clients that did not answer a request that needs no brick. Another request to such a client would
// block a process for the whole limit, with the same result.
type hungClients struct {
	mu    sync.Mutex
	since map[string]time.Time // the last request without an answer, by name of the record
}

// hungMemory bounds the memory of clients that have ended since. has cannot look further back. Package healing looks back for a third
// of --hung-client-limit, so this is enough for limits of up to three days.
const hungMemory = 24 * time.Hour

// note records the result of a request to a client itself. A timeout because the caller gave up early shows nothing.
func (h *hungClients) note(ctx context.Context, client string, err error) {
	hangs := errors.Is(err, mount.ErrTimeout)
	if hangs && ctx.Err() != nil {
		return
	}
	if !hangs {
		h.forget(client)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since == nil {
		h.since = map[string]time.Time{}
	}
	maps.DeleteFunc(h.since, func(_ string, at time.Time) bool { return time.Since(at) >= hungMemory })
	h.since[client] = time.Now()
}

func (h *hungClients) forget(client string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.since, client)
}

// has reports whether a client was found to hang within the given time.
func (h *hungClients) has(client string, within time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, hangs := h.since[client]
	return hangs && time.Since(at) < within
}

// Hangs sends a client a request that needs no brick, and reports whether the client fails to answer within limit. Stats and
// Health ask with a shorter limit, which a healthy client on a very busy machine may miss, so Hangs does not join their requests.
func (m *Manager) Hangs(ctx context.Context, s Served, limit time.Duration) (bool, error) {
	_, err := m.asker.ClientEnded(ctx, limit, "long-"+s.Device.String(), s.StagingPath)
	m.hung.note(ctx, s.Client, err)
	if errors.Is(err, mount.ErrTimeout) && ctx.Err() == nil {
		return true, nil
	}
	return false, err
}

// MayHang reports whether a client left a request unanswered within the last 40 s (limits.hung), or within the given time if it is
// longer. It sends no request.
func (m *Manager) MayHang(s Served, within time.Duration) bool {
	return m.hung.has(s.Client, max(m.limits.hung, within))
}

// isHung is MayHang for the name of a client, with the shortest time.
func (m *Manager) isHung(client string) bool { return m.hung.has(client, m.limits.hung) }
