// Package fuseclient owns the GlusterFS FUSE clients of a node: a Manager starts, records, mounts and ends them, and implements
// mount.Mounter. Clients start as children of this process but outlive it. With PlacementPod, the default, they end with the
// container; with PlacementNode, they outlive the container, too. Their records on disk let the Manager of the next process take
// them over.
//
// The main function must call fusequery.Serve if fusequery.IsChild reports true. NewManager locks the state directory, and waits
// up to 10 s if another process holds the lock. The caller sets OnDeath and OnReplace if it needs them, and then calls Run. Close
// comes last, after Run and all other calls have returned. All other methods may be called concurrently. A call that changes
// mounts waits about a second for another call for the same volume, and then fails with mount.ErrBusy. The methods of
// mount.Mounter return the errors that are listed there. NewManager makes the whole process ignore SIGXFSZ. ReadVolumes,
// ReadEnding, ReadPlacement, ReadClusterServers and Clients need no Manager; other programs, such as doctor, use them.
//
// State directory:
//
//	volumes/<hash>.json              the staged volumes, and the process of each volume's client
//	ending/<hash>-<generation>.json  retired clients that may not have ended yet
//	clients/<hash>-<generation>      the client's fresh path, on which it mounts first. A client with a separate mount
//	                                 namespace stays mounted there. No later client uses the same path: a client that
//	                                 ends unmounts whatever lies on its path, unless that is forbidden to it
//	logs/<hash>.log                  the client's log. The previous client's log ends in .log.1, the next one's in .log.new
//	tree/<version>                   the files of clients that run outside the container (package placement)
//	leftovers                        files that the last start could not remove, for doctor
//	placement.json                   whether clients run outside the container, for doctor
//	servers.json                     the Servers of Config, for doctor; missing if there are none
package fuseclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/dirlock"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// Config configures a Manager. Only StateDir is required.
type Config struct {
	StateDir     string        // on a local file system that survives restarts of the driver
	Glusterfs    string        // absolute path of the client's binary, or its name in PATH; default "glusterfs"
	StartTimeout time.Duration // how long a client may take until its first answer; default 60 s, longer than the client's own timeout of 42 s
	Prober       *mount.Prober // default mount.NewProber
	Health       bool          // set if the method Health will be called: each client's .meta is then kept open from its start
	Servers      ClusterServers
	// Placement is where clients run; default PlacementPod.
	Placement   string
	CgroupName  string // top-level cgroup of clients on the node; default placement.DefaultGroup
	MemoryLimit int64  // bytes that a client on the node may use; 0: no limit
	// ResolverRoot is the root directory from which clients on the node get hosts and resolv.conf; default "/".
	ResolverRoot string
	// FetchVolfile returns the volume file that a server gives; default volfile.FromServer.
	FetchVolfile func(ctx context.Context, server string, port int, volume string) (string, error)
	Asker        *fusequery.Asker // default: a new one. NewManager sets its Start, and Close closes it
}

// limits bound waits that normally take milliseconds.
type limits struct {
	ask  time.Duration // for a client to answer a request
	lock time.Duration // for another call for the volume, for example a publish for another pod
	exit time.Duration // for a client without mounts to end
	mute time.Duration // for the volume file, before the next server is tried
	tick time.Duration // between two rounds of Run
	calm time.Duration // how long a client that was just started is assumed to answer
	hung time.Duration // how long a client that did not answer is assumed to hang

	bricks  time.Duration // for a client to use new bricks
	connect time.Duration // after that, for its connections to all of them
}

// Manager implements mount.Mounter in this process.
type Manager struct {
	cfg     Config
	limits  limits
	bootID  string
	unlock  func() // releases the state directory to other processes
	locks   locks
	asker   *fusequery.Asker
	metas   metaDirs
	hung    hungClients
	ending  sync.WaitGroup // of retired clients
	reaping sync.Map       // names of retired clients that have a goroutine
	// unstaging holds the names of clients that may end, because their volume is being unstaged.
	unstaging sync.Map

	node      atomic.Pointer[placement.Node]         // nil: clients run in the container
	placing   *semaphore.Weighted                    // held while the node is prepared
	tried     time.Time                              // when the last preparation ended; guarded by placing
	confine   func() (*placement.Confinement, error) // of clients in the container, made once
	groups    *placement.Groups
	deaths    atomic.Int64 // clients that ended while they were needed
	onDeath   atomic.Pointer[func(volumeID string)]
	onReplace atomic.Pointer[func(ctx context.Context, former Served)]
	changed   chan struct{} // tells Run that there are unwritten publications
	leftovers []string      // files of earlier processes, each with the reason; set only at the start

	found  foundClients
	rounds int // of upkeep so far; only upkeep uses it

	mu            sync.Mutex
	records       map[string]record // by volume id; the content of volumes/
	unwritten     map[string]bool   // the volumes whose publications are in memory only
	placement     PlacementState    // where clients run
	resolverError logging.LastText  // of the last attempt to read the node's hosts and resolver; the same error is logged once
}

var _ mount.Mounter = (*Manager)(nil)

// NewManager reads the records of an earlier process, and removes those from an earlier boot and the remains of unfinished
// operations. It prepares the node for clients, which can take up to StartTimeout. It starts no client for a volume, and ends
// none that is in use.
func NewManager(ctx context.Context, cfg Config) (*Manager, error) {
	return newManager(ctx, cfg, limits{
		ask: 5 * time.Second, lock: time.Second, exit: 5 * time.Second, mute: 10 * time.Second, tick: time.Minute, calm: 2 * time.Second, hung: 40 * time.Second,
		bricks: 30 * time.Second, connect: 12 * time.Second,
	})
}

func newManager(ctx context.Context, cfg Config, limits limits) (*Manager, error) {
	if !filepath.IsAbs(cfg.StateDir) {
		return nil, fmt.Errorf("state directory %q: an absolute path is needed", cfg.StateDir)
	}
	if cfg.Glusterfs == "" {
		cfg.Glusterfs = "glusterfs"
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = time.Minute
	}
	if cfg.ResolverRoot == "" {
		cfg.ResolverRoot = "/"
	}
	if cfg.Prober == nil {
		prober := mount.NewProber()
		cfg.Prober = &prober
	}
	if cfg.FetchVolfile == nil {
		cfg.FetchVolfile = volfile.FromServer
	}
	if cfg.Asker == nil {
		cfg.Asker = &fusequery.Asker{}
	}
	ignoreFileLimit()
	if err := mount.CheckKernel(); err != nil {
		return nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("read the boot id: %w", err)
	}
	for _, dir := range []string{volumesDir, endingDir, "clients", "logs"} {
		if err := os.MkdirAll(filepath.Join(cfg.StateDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("create the state directory: %w", err)
		}
	}
	// mountinfo shows real paths only.
	if cfg.StateDir, err = filepath.EvalSymlinks(cfg.StateDir); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	// A second driver would treat clients that this driver is starting as leftovers, and end them.
	unlock, err := dirlock.Lock(ctx, cfg.StateDir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	m := &Manager{
		cfg: cfg, limits: limits, bootID: strings.TrimSpace(string(boot)), unlock: unlock, asker: cfg.Asker, records: map[string]record{},
		confine: sync.OnceValues(placement.NewConfinement), groups: placement.NewGroups(), changed: make(chan struct{}, 1),
		placing: semaphore.NewWeighted(1),
	}
	m.locks.wait = m.limits.lock
	m.openNode(ctx)
	m.asker.Start = m.startAsker
	if err := m.recover(ctx); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Close releases the state directory to other processes, and closes the Asker. The clients keep running.
func (m *Manager) Close() {
	m.closePublications()
	m.asker.Close()
	m.closeNode()
	m.unlock()
}

const hashLength = 32

func hash(volumeID string) string {
	sum := sha256.Sum256([]byte(volumeID))
	return hex.EncodeToString(sum[:hashLength/2])
}

func (r record) name() string { return clientName(hash(r.Source.VolumeID), r.Generation) }

func clientName(hash string, generation int64) string {
	return hash + "-" + strconv.FormatInt(generation, 10)
}

func (m *Manager) freshPath(r record) string {
	return filepath.Join(m.cfg.StateDir, "clients", r.name())
}

func (m *Manager) logPath(volumeID string) string {
	return filepath.Join(m.cfg.StateDir, "logs", hash(volumeID)+".log")
}

// lock locks first the volume and then the path, so that at most one call at a time uses a volume, and at most one uses a path.
func (m *Manager) lock(ctx context.Context, operation, volumeID, path string) (unlock func(), err error) {
	if volumeID == "" {
		return nil, fmt.Errorf("%w: the volume id is empty", mount.ErrInvalid)
	}
	unlockVolume, err := m.locks.acquire(ctx, "volume "+volumeID, operation)
	if err != nil {
		return nil, err
	}
	unlockPath, err := m.locks.acquire(ctx, "path "+path, operation)
	if err != nil {
		unlockVolume()
		return nil, err
	}
	return func() { unlockPath(); unlockVolume() }, nil
}

// owner returns the volume whose client serves a device. It ignores the volume with the id except.
func (m *Manager) owner(dev mount.Device, except string) (volumeID string, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, r := range m.records {
		if id != except && r.Device == dev && r.Process.alive() {
			return id, true
		}
	}
	return "", false
}

func logger(ctx context.Context, r record) klog.Logger {
	return klog.FromContext(ctx).WithValues("volumeID", r.Source.VolumeID, "generation", r.Generation, "pid", r.Process.PID)
}

// withCleanup returns err, and adds the errors of the cleanup to its text.
func withCleanup(err error, cleanup ...error) error {
	if extra := errors.Join(cleanup...); extra != nil {
		return fmt.Errorf("%w (and cleaning up: %v)", err, extra) //nolint:errorlint // the first one is the reason
	}
	return err
}
