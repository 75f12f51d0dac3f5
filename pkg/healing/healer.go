// Package healing repairs the mounts of volumes in pods, without restarting pods. After the death of a client, it replaces the
// client's mounts with those of a new client. It also repairs mounts after a change of a client's graph. The graph is the
// client's tree of translators; it changes if the volume is expanded or gets another option. The kernel then drops mounts
// inside the volume and marks the directories of subPaths as deleted.
//
// The caller wraps a fuseclient.Manager in a Healer, uses the Healer as its mount.Mounter, and must call Healer.Run once. Run
// also runs the Manager, so the caller must not call Manager.Run. The Healer sets OnDeath and OnReplace of the Manager, and
// Config.Asker must be the Asker of the Manager's Config. Nothing is repaired before Run or after it. Run returns when ctx is
// done and all attempts have ended; after that, the caller closes the Manager. All methods may be called concurrently. Failed
// repairs are logged and tried again; the Observer receives the outcomes. Repairs in containers need a privileged process in the
// host's PID namespace.
//
// The kernel reports a client's death. A dropped mount shows in the mount tables of the processes that use the volume. These
// tables are saved on disk (package tables), because the kernel drops mounts inside a dead volume before the plugin can read
// the tables, and because the plugin may not be running at that time.
package healing

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Config configures a Healer.
type Config struct {
	Clients  *fuseclient.Manager
	Asker    *fusequery.Asker // that of the Config of Clients
	StateDir string           // the state directory of Clients; the Healer uses mounts/ in it
	Observer Observer         // for metrics and events; nil: none
	Limits   *Limits          // for tests; nil: DefaultLimits
}

// Limits bound a Healer's work.
type Limits struct {
	Ask         time.Duration // for a client to answer a request
	Heal        time.Duration // for one attempt to repair a volume, including the start of its client
	Tick        time.Duration // between two scans of the node's mount namespaces
	Entries     time.Duration // added to the cache time of directory entries; after that, the kernel looks each name up again
	BackOff     time.Duration // pause after the first incomplete attempt; doubled after each further one
	MaxBackOff  time.Duration // longest such pause
	LiveBackOff time.Duration // longest such pause while the client lives, for example because it waits for its bricks
	AtOnce      int           // volumes that get a new client, or whose lost record is rebuilt, at the same time
	Hung        time.Duration // how long a client may hang before it is ended; 0: without limit
}

// DefaultLimits returns the driver's limits.
func DefaultLimits() Limits {
	return Limits{
		Ask: 5 * time.Second, Heal: 90 * time.Second, Tick: 30 * time.Second, Entries: 100 * time.Millisecond,
		BackOff: 100 * time.Millisecond, MaxBackOff: 30 * time.Second, LiveBackOff: 5 * time.Second, AtOnce: 4, Hung: 2 * time.Minute,
	}
}

// scansAtOnce is how many repairs of volumes with live clients may scan the node's mount namespaces at the same time.
const scansAtOnce = 2

// Healer is a mount.Mounter that repairs its mounts.
type Healer struct {
	*fuseclient.Manager

	asker    *fusequery.Asker
	memory   *memory
	watcher  *tables.Watcher
	limits   Limits
	observer Observer
	slots    *semaphore.Weighted // one for each volume that gets a new client, or whose lost record is rebuilt
	scans    *semaphore.Weighted // one for each scan that a volume with a live client needs for its repair
	group    sync.WaitGroup
	// connections is only used by watchHung and the functions that it calls.
	connections connections

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // Run's; nil before and after Run
	volumes map[string]*volumeState
	// users holds, for each watched namespace, the volumes that are mounted in it.
	users map[tables.Target][]string
	ended map[tables.Target]bool        // known targets whose process has ended
	due   map[time.Time]map[string]bool // by time, the volumes whose mounts are to be saved then
	held  map[string]*os.File           // an open mount of each former client, see hold

	namespaces namespaces
	// scanning is held while remember scans the node. Scans must not pile up if they take longer than the time between them.
	scanning sync.Mutex
	// layered holds the namespaces in which dead mounts may lie beneath others.
	layered map[tables.Target]bool
}

// volumeState is the Healer's state of a staged volume.
type volumeState struct {
	running, repeat bool          // an attempt to repair the volume runs; another one must follow
	changed         chan struct{} // signals a dropped mount to the running attempt
	ended           chan struct{} // closed at the end of the attempt
	failures        int           // incomplete attempts since the last complete one
	timer           *time.Timer
	graphReadAt     time.Time        // when the client was last asked for its graph
	changes         pace             // attempts because a mount table has changed
	deaths          pace             // attempts because a client has ended
	lost            [2][]Loss        // already reported, by cause
	pending         [2]int           // mounts that the last attempt could not repair yet, by cause
	failed          map[string]bool  // mounts that could not be repaired yet, as logged
	leftOut         logging.LastText // the last logged text about mounts beyond the limits of package tables
	waitsFor        string           // the client to which waitsSince applies
	waitsSince      time.Time        // the last check at which no request waited for that client
	hung            hungClient
	endReported     string // the last client whose end was reported
	replacedBy      string // the client whose mounts have replaced those of former clients
	replacedAt      int    // memory.saves of replacedBy at that time
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
		slots: semaphore.NewWeighted(int64(limits.AtOnce)), volumes: map[string]*volumeState{}, users: map[tables.Target][]string{},
		ended: map[tables.Target]bool{}, due: map[time.Time]map[string]bool{}, layered: map[tables.Target]bool{},
		held: map[string]*os.File{}, scans: semaphore.NewWeighted(scansAtOnce),
	}
	h.OnReplace(func(ctx context.Context, former fuseclient.Served) { h.keepFormer(ctx, former) })
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
			klog.FromContext(ctx).Error(err, "Cannot watch the mounts of pods; mounts that the kernel drops there are restored with a delay")
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

// drain waits for running attempts. No attempt begins from now on.
func (h *Healer) drain() {
	h.mu.Lock()
	h.ctx = nil
	h.mu.Unlock()
	h.group.Wait()
}

// Publish implements mount.Mounter. Containers start after the call, so Publish has their mounts saved several times in the
// seconds that follow.
func (h *Healer) Publish(ctx context.Context, p mount.Publication) error {
	err := h.Manager.Publish(ctx, p)
	if err == nil {
		for _, after := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			h.rememberLater(after, p.VolumeID) //nolint:contextcheck // as startRepair
		}
	}
	return err
}

// Unstage implements mount.Mounter. It drops the snapshots of a volume that is no longer staged.
func (h *Healer) Unstage(ctx context.Context, volumeID, stagingPath string) error {
	err := h.Manager.Unstage(ctx, volumeID, stagingPath)
	if h.isUnstaged(volumeID) {
		h.forget(ctx, h.former(volumeID, ""))
	}
	return err
}

// startRepair starts an attempt to repair the volume. If one is running, another attempt follows it. The channel is closed at the
// end of the last of these attempts, whether or not everything is repaired.
func (h *Healer) startRepair(volumeID string) (ended <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	v := h.volume(volumeID)
	if v.running {
		v.repeat = true
		v.signal()
		return v.ended
	}
	v.running, v.changed, v.ended = true, make(chan struct{}, 1), make(chan struct{})
	ctx := h.ctx
	h.group.Go(func() {
		for more := true; more; {
			complete, lives := h.repair(ctx, volumeID)
			more = h.repairEnded(ctx, volumeID, complete, lives)
		}
	})
	return v.ended
}

// signal wakes the running attempt, because something has changed.
func (v *volumeState) signal() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// repairEnded records the outcome of an attempt, and reports whether another one must follow at once. The pause before the next
// attempt is shorter while the client lives and waits for its bricks. As soon as they are back, files that are written to the
// place of a dropped mount go into the volume.
func (h *Healer) repairEnded(ctx context.Context, volumeID string, complete, lives bool) (again bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(volumeID)
	again, v.repeat = v.repeat && ctx.Err() == nil, false
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
		v.timer = time.AfterFunc(pause, func() { h.startRepair(volumeID) }) //nolint:contextcheck // as startRepair
	}
	return again
}

// isNewFailure reports whether a failure to repair a mount has not been logged yet. The same failure is logged again if all
// mounts were in order in between.
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

// mostFailures limits how many failures of a volume are remembered, because they contain paths that containers choose.
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
