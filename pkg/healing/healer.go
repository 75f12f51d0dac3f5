// Package healing repairs the mounts of volumes where pods use them: after the death of a client, by putting those of a new client in
// their place, and after a change of a client's graph, upon which the kernel drops what is mounted inside the volume and calls the
// directories of subPaths deleted. Applications go on, and no pod is restarted.
//
// The kernel reports a client's death. A dropped mount shows in the tables of mounts of the processes that use the volume. These tables
// are kept on disk (package tables), because the kernel drops mounts inside a dead volume before the plugin can look, and the plugin
// may be away meanwhile.
package healing

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Config of a Healer.
type Config struct {
	Clients  *fuseclient.Manager
	Asker    *fusequery.Asker
	StateDir string   // that of Clients; mounts/ in it is the Healer's
	Observer Observer // of metrics and events; nil: none
	Limits   *Limits  // for tests; nil: DefaultLimits
}

// Limits bound a Healer's work.
type Limits struct {
	Ask         time.Duration // a question to a client
	Heal        time.Duration // one attempt to repair a volume, the start of its client included
	Tick        time.Duration // between two looks at the node's mount namespaces
	Entries     time.Duration // after a directory entry's time is over, until the kernel has surely looked at it again
	BackOff     time.Duration // after the first attempt that has not repaired everything; doubled with each
	MaxBackOff  time.Duration
	LiveBackOff time.Duration // MaxBackOff while the client lives: until its bricks are back
	AtOnce      int           // volumes that get a new client at a time
	Hung        time.Duration // how long a client may hang until it is ended; 0: for ever
}

// DefaultLimits returns those of the driver.
func DefaultLimits() Limits {
	return Limits{
		Ask: 5 * time.Second, Heal: 90 * time.Second, Tick: 30 * time.Second, Entries: 100 * time.Millisecond,
		BackOff: 100 * time.Millisecond, MaxBackOff: 30 * time.Second, LiveBackOff: 5 * time.Second, AtOnce: 4, Hung: 2 * time.Minute,
	}
}

// Healer is the mount.Mounter of a node whose mounts repair themselves.
type Healer struct {
	*fuseclient.Manager

	asker    *fusequery.Asker
	memory   *memory
	watcher  *tables.Watcher
	limits   Limits
	observer Observer
	slots    chan struct{} // of volumes that get a new client
	group    sync.WaitGroup
	// connections are for endHung alone.
	connections connections

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of Run; nil before it and afterwards
	volumes map[string]*volumeState
	// users are the volumes whose mounts a watched namespace has.
	users map[tables.Target][]string
	ended map[tables.Target]bool        // targets that are kept, and whose process has ended
	due   map[time.Time]map[string]bool // volumes that are to be remembered at a time

	namespaces namespaces
	// layered are the namespaces in which dead mounts may lie beneath others.
	layered map[tables.Target]bool
}

// volumeState is what the Healer keeps of a staged volume.
type volumeState struct {
	running, again bool          // an attempt to repair it runs; another is wanted afterwards
	changed        chan struct{} // something was dropped while the attempt runs
	ended          chan struct{} // closed at the end of the attempt
	failures       int           // attempts without full success since the last one with
	timer          *time.Timer
	looked         time.Time        // when the graph was asked for last
	changes        pace             // attempts because a table of mounts has changed
	deaths         pace             // attempts because a client has ended
	lost           [2][]Loss        // that are known, by cause
	failed         map[string]bool  // mounts that could not be repaired yet, as the log has them
	leftOut        logging.LastText // what was last said to be too much to be kept
	accepts        bool             // the next look keeps what there is, even if something is missing
	waitsFor       string           // the client for which requests have waited at each look
	waitsSince     time.Time        // the last look at which none has
	hung           hungClient
	endReported    string // the client whose end was reported last
}

var _ mount.Mounter = (*Healer)(nil)

// New returns a Healer. It does nothing before Run.
func New(config Config) (*Healer, error) {
	limits := DefaultLimits()
	if config.Limits != nil {
		limits = *config.Limits
	}
	memory, err := openMemory(filepath.Join(config.StateDir, "mounts"))
	if err != nil {
		return nil, err
	}
	watcher, err := tables.NewWatcher()
	if err != nil {
		return nil, err
	}
	observer := config.Observer
	if observer == nil {
		observer = silent{}
	}
	h := &Healer{
		Manager: config.Clients, asker: config.Asker, memory: memory, watcher: watcher, limits: limits, observer: observer,
		slots: make(chan struct{}, limits.AtOnce), volumes: map[string]*volumeState{}, users: map[tables.Target][]string{},
		ended: map[tables.Target]bool{}, due: map[time.Time]map[string]bool{}, layered: map[tables.Target]bool{},
	}
	h.findLayers()
	return h, nil
}

// Run repairs mounts until ctx is done.
func (h *Healer) Run(ctx context.Context) {
	defer h.watcher.Close()
	h.mu.Lock()
	h.ctx = ctx
	h.mu.Unlock()
	h.OnDeath(h.clientEnded)
	h.group.Go(func() { h.Manager.Run(ctx) })
	h.group.Go(func() {
		if err := h.watcher.Run(ctx, h.tableChanged); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Cannot watch the mounts of pods; what a changed volume drops there returns later")
		}
	})
	h.group.Go(func() { h.watchHung(ctx) })
	h.checkVolumes(ctx, h.newNamespaces())
	ticker := time.NewTicker(h.limits.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			h.drain()
			return
		case <-ticker.C:
		}
		h.checkVolumes(ctx, h.newNamespaces())
	}
}

// drain waits for what has been begun. Nothing is begun from now on.
func (h *Healer) drain() {
	h.mu.Lock()
	h.ctx = nil
	h.mu.Unlock()
	h.group.Wait()
}

// Publish implements mount.Mounter. Containers start after it, at a time that it does not know.
func (h *Healer) Publish(ctx context.Context, p mount.Publication) error {
	err := h.Manager.Publish(ctx, p)
	if err == nil {
		for _, after := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			h.rememberLater(after, p.VolumeID) //nolint:contextcheck // as attend
		}
	}
	return err
}

// Unstage implements mount.Mounter. Nothing is kept of a volume that is no longer staged.
func (h *Healer) Unstage(ctx context.Context, volumeID, stagingPath string) error {
	err := h.Manager.Unstage(ctx, volumeID, stagingPath)
	if h.isUnstaged(volumeID) {
		h.forget(ctx, h.former(volumeID, ""))
	}
	return err
}

// attend lets the volume be looked at, now or, when that is under way, once more. The channel is closed when that is done, whether or
// not everything is repaired.
func (h *Healer) attend(volumeID string) (ended <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		never := make(chan struct{})
		close(never)
		return never
	}
	v := h.volume(volumeID)
	if v.running {
		v.again = true
		v.signal()
		return v.ended
	}
	v.running, v.changed, v.ended = true, make(chan struct{}, 1), make(chan struct{})
	ctx := h.ctx
	h.group.Go(func() {
		for more := true; more; {
			complete, lives := h.repair(ctx, volumeID)
			more = h.attended(ctx, volumeID, complete, lives)
		}
	})
	return v.ended
}

// signal tells the attempt that runs that something has changed.
func (v *volumeState) signal() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// attended notes the outcome of an attempt, and reports whether another one is wanted at once. A client that lives is asked again sooner
// than a new one is started: as soon as its bricks are back, what is written to a path inside the volume goes into the volume.
func (h *Healer) attended(ctx context.Context, volumeID string, complete, lives bool) (again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(volumeID)
	again, v.again = v.again && ctx.Err() == nil, false
	v.running = again
	if !again {
		close(v.ended)
	}
	if v.timer != nil {
		v.timer.Stop()
	}
	if complete {
		v.failures, v.failed = 0, nil
	} else if !again && ctx.Err() == nil {
		longest := h.limits.MaxBackOff
		if lives {
			longest = h.limits.LiveBackOff
		}
		pause := min(h.limits.BackOff<<min(v.failures, 20), longest)
		v.failures++
		v.timer = time.AfterFunc(pause, func() { h.attend(volumeID) }) //nolint:contextcheck // as attend
	}
	return again
}

// isNewFailure reports whether the log does not yet have that a mount could not be repaired. It is news again when all was well.
func (h *Healer) isNewFailure(volumeID, text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(volumeID)
	if v.failed[text] || len(v.failed) == mostFailures {
		return false
	}
	if v.failed == nil {
		v.failed = map[string]bool{}
	}
	v.failed[text] = true
	return true
}

// mostFailures bounds what is remembered of a volume's failures, which name paths that containers choose.
const mostFailures = 100

// volume returns the state of a volume. It is called with the lock held.
func (h *Healer) volume(id string) *volumeState {
	v, known := h.volumes[id]
	if !known {
		v = &volumeState{}
		h.volumes[id] = v
	}
	return v
}
