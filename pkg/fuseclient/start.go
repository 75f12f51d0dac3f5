package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// errMute is returned when a server accepts connections but does not deliver the volume file. The client would wait half an hour
// for the file and try no other server.
var errMute = errors.New("the server does not answer")

// start starts a new client for the volume, waits for its first answer, and saves its record. The client is then mounted only at
// its fresh path. On failure nothing is left of the client, and the former record, if any, is restored.
func (m *Manager) start(ctx context.Context, source mount.Source, stagingPath string) (record, error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.StartTimeout)
	defer cancel()
	began := time.Now()
	m.asker.Prepare() // while the client starts
	find := func(ctx context.Context) (mount.Reachable, error) { return m.find(ctx, source) }
	for {
		r, servers, err := m.attempt(ctx, source, stagingPath, find)
		if err == nil {
			logger(ctx, r).Info("GlusterFS client started", "volume", source.Volume, "server", servers.Servers[0], "took", time.Since(began))
			return r, nil
		}
		if !errors.Is(err, errMute) || ctx.Err() != nil {
			return record{}, err
		}
		klog.FromContext(ctx).Info("GlusterFS server does not answer, trying the next", "volumeID", source.VolumeID, "server", servers.Servers[0])
		next := slices.Concat(servers.Servers[1:], servers.Servers[:1])
		find = func(ctx context.Context) (mount.Reachable, error) {
			return m.reordered(ctx, source, servers, next), nil
		}
	}
}

// find returns the servers that a client may use, the best one first.
func (m *Manager) find(ctx context.Context, source mount.Source) (mount.Reachable, error) {
	servers, err := m.order(ctx, source)
	if err != nil {
		return servers, err
	}
	usable, err := m.checkVolfile(ctx, source, servers.Servers)
	if err != nil {
		return servers, err
	}
	return m.reordered(ctx, source, servers, usable), nil
}

// reordered returns the servers in another order. If another server is first now, reordered connects to it to find its address
// family. Otherwise the client would look it up with the family of the former first server.
func (m *Manager) reordered(ctx context.Context, source mount.Source, r mount.Reachable, servers []string) mount.Reachable {
	if servers[0] != r.Servers[0] && !r.Unsure {
		first, _ := m.cfg.Prober.Order(ctx, servers[:1], source.Options.Port()) // a server that cannot be reached has no family
		r.IPv6 = first.IPv6
	}
	r.Servers = servers
	return r
}

// order sorts the servers by reachability.
func (m *Manager) order(ctx context.Context, source mount.Source) (mount.Reachable, error) {
	servers := m.cfg.Servers.of(source)
	ordered, err := m.cfg.Prober.Order(ctx, servers, source.Options.Port())
	if unreachable, ok := errors.AsType[*mount.UnreachableError](err); ok && unreachable.Unsure && ctx.Err() == nil {
		klog.FromContext(ctx).Info("Cannot tell which GlusterFS servers can be reached; using the configured order", "volumeID", source.VolumeID, "err", err.Error())
		return mount.Reachable{Servers: servers, Unsure: true}, nil
	}
	if err == nil && ordered.Servers[0] != servers[0] {
		klog.FromContext(ctx).Info("First GlusterFS server cannot be reached, using another", "volumeID", source.VolumeID, "servers", servers, "used", ordered.Servers[0])
	}
	return ordered, err
}

// attempt runs one start with the servers in the order that find returns. While find runs, attempt prepares what the client needs
// on this node.
func (m *Manager) attempt(ctx context.Context, source mount.Source, stagingPath string, find func(context.Context) (mount.Reachable, error)) (
	r record, servers mount.Reachable, err error,
) {
	former, restaged := m.record(source.VolumeID)
	m.reportReplace(ctx, former) // before the new client's record is saved
	m.retryNode(ctx)
	// The clock makes generations unique, also across restarts; Mkdir checks that.
	r = record{Source: source, StagingPath: stagingPath, Generation: time.Now().UnixNano(), BootID: m.bootID}
	if err := os.Mkdir(m.freshPath(r), 0o700); err != nil { //nolint:gosec // below the state directory
		return record{}, servers, fmt.Errorf("create the client's directory: %w", err)
	}
	if m.node.Load() == nil { // on the node, the directory above the fresh path is read-only
		logUnwritten(ctx, source.VolumeID, mount.Seal(m.freshPath(r)))
	}
	var place *placement.Place
	both, whenFound := errgroup.WithContext(ctx)
	both.Go(func() (err error) { place, err = m.prepare(ctx, r); return err })
	both.Go(func() (err error) { servers, err = find(whenFound); return err })
	err = both.Wait()
	if err == nil {
		r, err = m.run(ctx, r, servers, place)
	} else if place != nil {
		place.Close()
	}
	switch {
	case err == nil:
		logUnwritten(ctx, source.VolumeID, m.save(r))
		m.watchForDeath(ctx, r)
		return r, servers, nil
	case restaged:
		return record{}, servers, withCleanup(err, m.discard(r), m.discardLog(r), m.save(former))
	default:
		return record{}, servers, withCleanup(err, m.discard(r), m.discardLog(r), m.forget(source.VolumeID))
	}
}

// prepare saves the record, and prepares the client's log and place. The record is saved before the client starts, so that the
// client has one even if this process is killed.
func (m *Manager) prepare(ctx context.Context, r record) (*placement.Place, error) {
	logUnwritten(ctx, r.Source.VolumeID, m.save(r))
	if err := makeLog(m.logPath(r.Source.VolumeID)); err != nil {
		return nil, err
	}
	m.updateResolver(ctx)
	place, err := m.preparePlace(r)
	if err != nil {
		return nil, fmt.Errorf("prepare the start of the GlusterFS client: %w", err)
	}
	return place, nil
}

// run starts the client at a place, which run closes, and waits for its first answer.
func (m *Manager) run(ctx context.Context, r record, servers mount.Reachable, place *placement.Place) (record, error) {
	c, err := m.launch(ctx, r, servers, place)
	place.Close()
	if err != nil {
		return r, err
	}
	r.Process = c.process
	m.remember(r) // not on disk, to save time: the method interrupted finds the process by its fresh path
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if started := r; len(servers.Servers) > 1 {
		patience := m.limits.mute
		if servers.Unsure { // the client will spend as long on name lookups as the failed probe did
			patience = m.cfg.StartTimeout / 2
		}
		mute := time.AfterFunc(patience, func() {
			if m.isMute(started) {
				stop(errMute)
			}
		})
		defer mute.Stop()
	}
	limit := m.cfg.StartTimeout
	device, err := mount.Within(waiting, limit, func() (mount.Device, error) {
		defer unix.Close(c.pidfd)
		return m.firstAnswer(waiting, limit, c.process, m.freshPath(r), c.pidfd)
	})
	continued, refused := place.MountError()
	if refused != nil {
		logger(ctx, r).Info("The node plugin cannot make the mount of a GlusterFS client", "err", refused.Error(), "clientMakesIt", continued)
	}
	if !continued {
		c.refused = refused
	}
	if err != nil {
		return r, m.explain(r, servers.Servers, err, c)
	}
	r.Device = device
	return r, nil
}
