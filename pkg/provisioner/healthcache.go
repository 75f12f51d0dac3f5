package provisioner

import (
	"context"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// How long the result of an examination is used. An examination costs several commands on every gluster node, so requests for the
// health of many volumes must share one.
const (
	leastLifetime  = 10 * time.Second
	lifetimeFactor = 3 // times the duration of the examination
	mostLifetime   = 2 * time.Minute
	unreadLifetime = 6 * time.Minute // if no caller has received the result yet
)

// healthCache holds the last examination of each backend.
type healthCache struct {
	mu   sync.Mutex
	last map[string]*cachedExamination // by backend
}

// cachedExamination is the result of one examination.
type cachedExamination struct {
	found heketi.Examination
	took  time.Duration
	ended time.Time
	read  bool // a caller has received it
}

func (e *cachedExamination) usable(now time.Time) bool {
	lifetime := unreadLifetime
	if e.read {
		lifetime = min(max(leastLifetime, lifetimeFactor*e.took), mostLifetime)
	}
	return now.Sub(e.ended) < lifetime
}

// recent returns the last examination of a backend, if it is recent enough.
func (x *healthCache) recent(backend string, now time.Time) (heketi.Examination, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.last[backend]
	if last == nil || !last.usable(now) {
		return heketi.Examination{}, false
	}
	last.read = true
	return last.found, true
}

// store keeps the result of an examination that began at the given time.
func (x *healthCache) store(backend string, began time.Time, found heketi.Examination) {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last == nil {
		x.last = map[string]*cachedExamination{}
	}
	x.last[backend] = &cachedExamination{found: found, took: now.Sub(began), ended: now}
}

// examinationRequest identifies an examination: only calls with equal requests join.
type examinationRequest struct{ credentials volume.Credentials }

// examination returns Heketi's findings about a backend's volumes and bricks. One examination of a backend runs at a time. Like a
// create, an examination outlives the call that started it, and the next call gets its result.
func (p *Provisioner) examination(ctx context.Context, backend string, client *heketi.Client, credentials volume.Credentials) (heketi.Examination, error) {
	if found, ok := p.healthCache.recent(backend, time.Now()); ok {
		return found, nil
	}
	t := task{kind: "examination", subject: "backend " + backend, key: "examination of " + backend, request: examinationRequest{credentials}}
	if _, err := p.inflight.do(ctx, t, func(ctx context.Context) (volume.Volume, error) {
		if _, ok := p.healthCache.recent(backend, time.Now()); ok {
			return volume.Volume{}, nil // an examination has ended meanwhile
		}
		began := time.Now()
		found, err := client.Examine(ctx)
		if err == nil {
			err = p.index(backend).trust(clusterIDs(found.Database))
		}
		if err == nil {
			p.healthCache.store(backend, began, found)
		}
		return volume.Volume{}, err
	}); err != nil {
		return heketi.Examination{}, err
	}
	found, _ := p.healthCache.recent(backend, time.Now())
	return found, nil
}
