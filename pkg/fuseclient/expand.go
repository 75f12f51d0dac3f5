package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// Expand implements mount.Mounter. It takes no lock, so that other pods of the volume do not wait for its client.
func (m *Manager) Expand(ctx context.Context, volumeID, path string) (int64, error) {
	resolved, r, err := m.mounted(ctx, volumeID, path)
	if err == nil {
		err = m.awaitBricks(ctx, r, resolved)
	}
	if err != nil && !errors.Is(err, errReplaced) { // the error of Stats says what to do
		return 0, err
	}
	stats, err := m.Stats(ctx, volumeID, path)
	return stats.TotalBytes, err
}

// awaitBricks waits until the client uses the bricks in the volume file that glusterd serves now.
//
// It returns nil if no server gives the file or the client cannot be asked. The client gets new bricks as soon as it reaches
// glusterd. The start of a pod also calls Expand, and must not depend on servers that the pod does not need. It returns
// ErrTimeout if the client certainly has other bricks: the new size is not available yet, and the kubelet calls again.
func (m *Manager) awaitBricks(ctx context.Context, r record, path string) error {
	log := logger(ctx, r)
	bricks, err := m.bricksNow(ctx, r.Source)
	if err != nil {
		log.Info("Cannot tell which bricks the volume has; not waiting for its client to use new ones", "err", err.Error())
		return nil
	}
	limit := m.limits.bricks
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-m.limits.ask) // keep enough for the statfs that follows
	}
	began := time.Now()
	wait := brickWait{bricks: bricks, connect: m.limits.connect}
	for {
		graph, err := m.readGraph(ctx, r, path)
		switch {
		case ctx.Err() != nil: // the caller gave up, which says nothing about the client
			return fmt.Errorf("%w: %w", mount.ErrTimeout, context.Cause(ctx))
		case errors.Is(err, mount.ErrTimeout):
			return fmt.Errorf("volume %s does not answer: its client hangs: %w", r.Source.VolumeID, err)
		case err != nil:
			log.Info("The client does not report its bricks; not waiting for it to use new ones", "err", err.Error())
			return nil
		case wait.isOver(graph, time.Now()):
			return nil
		case time.Since(began) >= limit && graph.Bricks == bricks:
			return nil
		case time.Since(began) >= limit:
			return fmt.Errorf("%w: the client of volume %s on this node does not have the volume's new bricks after %s; call again, and see %s",
				mount.ErrTimeout, r.Source.VolumeID, time.Since(began).Round(time.Second), bricksPage)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// bricksPage is the document that says what to do about a client that does not get its new bricks.
const bricksPage = "docs/troubleshooting.md#an-expansion-that-a-node-does-not-follow"

// brickWait decides when a client uses the bricks that awaitBricks waits for.
type brickWait struct {
	bricks  string        // a mount.BrickSet
	connect time.Duration // how long to wait for connections to all of them
	checks  int
	since   time.Time // when the client was first seen with these bricks
	was     bool      // whether the previous check found everything connected
}

// isOver reports whether the client serves files from the bricks: all of them are connected, or the time w.connect has passed. A
// client itself treats a silent server as down only after 10 s (AFR). A connection is reported a moment before it can be used, so
// two checks in a row must succeed, unless the very first check succeeds.
func (w *brickWait) isOver(graph mount.Graph, now time.Time) bool {
	w.checks++
	if graph.Bricks != w.bricks {
		w.since, w.was = time.Time{}, false
		return false
	}
	if w.since.IsZero() {
		w.since = now
	}
	is := graph.Connected || now.Sub(w.since) >= w.connect
	over := is && (w.was || w.checks == 1)
	w.was = is
	return over
}

// bricksNow returns the mount.BrickSet in the volume file that one of the volume's servers gives.
func (m *Manager) bricksNow(ctx context.Context, source mount.Source) (string, error) {
	servers, err := m.order(ctx, source)
	if err != nil {
		return "", err
	}
	file, _, err := m.fetchVolfile(ctx, source, servers.Servers)
	if err != nil {
		return "", err
	}
	bricks := volfile.Bricks(file)
	if len(bricks) == 0 {
		return "", errors.New("the volume file has no bricks")
	}
	return mount.BrickSet(bricks), nil
}

// readGraph returns the client's graph, with its bricks. It returns ErrTimeout if the client hangs.
func (m *Manager) readGraph(ctx context.Context, r record, path string) (mount.Graph, error) {
	dir, err := m.metaDir(ctx, r, path)
	if err != nil {
		return mount.Graph{}, err
	}
	return m.asker.ReadGraph(ctx, m.limits.ask, r.name(), dir)
}
