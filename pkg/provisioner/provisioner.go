package provisioner

import (
	"context"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Provisioner implements volume.Provisioner over Heketi servers.
type Provisioner struct {
	backends    *heketi.Backends
	inflight    *inflight
	listing     listing
	healthCache healthCache
	observer    Observer
	refresh     time.Duration
	journal     *Journal

	mu      sync.Mutex
	indexes map[string]*index // by name of the backend
}

var _ volume.Provisioner = (*Provisioner)(nil)

// New returns a provisioner over the backends. The caller must call Close.
func New(backends *heketi.Backends, settings ...Setting) *Provisioner {
	p := &Provisioner{backends: backends, observer: unobserved{}, refresh: defaultRefresh, journal: newJournal(), indexes: map[string]*index{}}
	for _, set := range settings {
		set(p)
	}
	p.inflight = newInflight(p.observer)
	p.journal.late = backends.Timing().Late
	return p
}

// Close refuses new operations and waits for the running ones until ctx is done. Then it stops following them and returns an
// error that names them. Heketi continues these operations, and the next process finds their volumes.
func (p *Provisioner) Close(ctx context.Context) error {
	return p.inflight.close(ctx)
}

// Get implements volume.Provisioner.
func (p *Provisioner) Get(ctx context.Context, handle volume.Handle, credentials volume.Credentials) (volume.Volume, error) {
	client, err := p.client(handle, credentials)
	if err != nil {
		return volume.Volume{}, err
	}
	found, err := client.Volume(ctx, handle.ID)
	if err != nil {
		return volume.Volume{}, explainMissing(ctx, client, p.index(handle.Backend), handle, err)
	}
	v := newVolume(handle.Backend, found)
	v.Handle = handle // with Adopted, which Heketi does not record
	return v, nil
}

func (p *Provisioner) client(handle volume.Handle, credentials volume.Credentials) (*heketi.Client, error) {
	backend, err := p.backends.ByName(handle.Backend)
	if err != nil {
		return nil, err
	}
	return backend.Client(credentials)
}

func (p *Provisioner) index(backend string) *index {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.indexes[backend] == nil {
		x := newIndex(backend, p.refresh)
		x.sent = func(name string) bool { return p.journal.hasSent(backend, name) }
		for key, request := range p.journal.creates(backend) {
			x.reserveLate(key, request, request.At.Add(p.journal.late))
		}
		p.indexes[backend] = x
	}
	return p.indexes[backend]
}

func newVolume(backend string, v heketi.Volume) volume.Volume {
	return volume.Volume{
		Handle:        volume.Handle{Backend: backend, ID: v.ID},
		Name:          v.Name,
		CapacityBytes: int64(v.SizeGiB) * volume.GiB,
		Servers:       v.Hosts,
		Cluster:       v.Cluster,
		GID:           v.GID,
		Durability:    v.Durability,
		MountOptions:  volume.MountOptionsOf(v.Options),
	}
}
