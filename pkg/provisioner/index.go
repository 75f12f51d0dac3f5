package provisioner

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// index caches the clusters, volumes, group ids in use and disks of one backend between calls, so that a create needs no look-up.
// All of this comes from Heketi's own records. The records are read again at intervals while creates happen, because other clients
// of Heketi make volumes too.
type index struct {
	backend string
	refresh time.Duration
	reading *semaphore.Weighted // held while a caller reads
	last    lastReading         // the result of the last reading

	listCache listCache

	mu       sync.Mutex
	own      func(name string) bool   // reports whether a volume of this name belongs to this installation
	sent     func(name string) bool   // reports whether a create with this name was sent and not answered
	asOf     time.Time                // when the cached dump was requested; zero: never
	clusters map[string]struct{}      // all clusters ever seen
	records  heketi.Dump              // the cached dump; replaced, never changed
	volumes  map[string]indexedVolume // by Heketi's id
	taken    map[int64]int            // group id -> number of volumes that have it
	ours     map[string]string        // key of the CSI name -> gluster volume name, of volumes of this installation
	held     map[string]reservation   // by the key of the CSI name
	deleted  map[string]time.Time     // tombstones, by Heketi's id: when the volume was deleted
	expanded map[string]int64         // by Heketi's id: size that an expand has returned; removed when the volume is read again
}

// indexedVolume is any volume of the backend: it may be pending, and it may belong to another client of Heketi.
type indexedVolume struct {
	name string
	gid  int64
	made time.Time // when this process made it; zero: it is in the dump
}

func newIndex(backend string, refresh time.Duration) *index {
	return &index{
		backend: backend, refresh: refresh, reading: semaphore.NewWeighted(1), own: volume.IsOurs, sent: func(string) bool { return false },
		clusters: map[string]struct{}{}, volumes: map[string]indexedVolume{}, taken: map[int64]int{},
		ours: map[string]string{}, held: map[string]reservation{}, deleted: map[string]time.Time{}, expanded: map[string]int64{},
	}
}

// ownBy returns a function that reports whether a volume with a given name belongs to this installation: the name fits the
// present configuration, or an unanswered create was sent with it. Such a create may be older than the configuration's
// volumeNamePrefix.
func (x *index) ownBy(b *heketi.Backend) func(name string) bool {
	return func(name string) bool { return b.OfThisInstallation(name) || x.sent(name) }
}

// hasOther reports whether the CSI name has a volume with another gluster volume name.
func (x *index) hasOther(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	other, ok := x.ours[volume.NameKey(name)]
	return ok && other != name
}

func (x *index) add(id string, v indexedVolume) {
	x.volumes[id] = v
	x.taken[v.gid]++
	if x.own(v.name) {
		x.ours[volume.NameKey(v.name)] = v.name
	}
}

func (x *index) remove(id string) {
	v, ok := x.volumes[id]
	if !ok {
		return
	}
	delete(x.volumes, id)
	if x.taken[v.gid]--; x.taken[v.gid] == 0 {
		delete(x.taken, v.gid)
	}
	if x.ours[volume.NameKey(v.name)] == v.name {
		delete(x.ours, volume.NameKey(v.name))
	}
}
