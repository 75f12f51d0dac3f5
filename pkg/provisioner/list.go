package provisioner

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// listingLifetime is how long the later pages of a list are served from the listing that the first page has read.
const listingLifetime = time.Minute

// listing holds what the first page of a list has read. A dump for every page would make reading a long list quadratic.
type listing struct {
	mu      sync.Mutex
	read    time.Time
	volumes []listed
}

// listed is a volume with the handle by which it is sorted.
type listed struct {
	handle string
	volume volume.Volume
}

// List implements volume.Provisioner. The first page (after is empty) shows the volumes that exist now; later pages may be up to
// a minute old. The size of a volume that another client of Heketi has expanded, and the servers of a volume, may be up to ten
// minutes old. A backend that does not answer fails the whole call, because callers regard a volume that is missing from a list
// as lost.
func (p *Provisioner) List(ctx context.Context, after string, limit int) (volumes []volume.Volume, more bool, err error) {
	all, recent := p.listing.recent()
	fresh := after == "" || !recent
	if fresh {
		if all, err = p.listAll(ctx); err != nil {
			return nil, false, err
		}
	}
	start, found := slices.BinarySearchFunc(all, after, func(l listed, handle string) int { return strings.Compare(l.handle, handle) })
	if found {
		start++
	}
	rest := all[start:]
	page := rest
	if limit > 0 {
		page = rest[:min(limit, len(rest))]
	}
	more = len(page) < len(rest)
	switch {
	case more && fresh:
		p.listing.store(all)
	case !more && after != "":
		p.listing.store(nil)
	}
	for _, l := range page {
		volumes = append(volumes, l.volume)
	}
	return volumes, more, nil
}

func (l *listing) recent() ([]listed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.volumes, l.volumes != nil && time.Since(l.read) < listingLifetime
}

func (l *listing) store(volumes []listed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.volumes, l.read = volumes, time.Now()
}

// listAll lists the volumes of all backends concurrently.
func (p *Provisioner) listAll(ctx context.Context) ([]listed, error) {
	all, err := ofAll(ctx, p.backends.All(), p.listBackend)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(a.handle, b.handle) })
	return all, nil
}

// ofAll calls the function ask concurrently, once for each backend, and fails if one of the calls fails.
func ofAll[T any](ctx context.Context, backends []*heketi.Backend, ask func(context.Context, *heketi.Backend) ([]T, error)) ([]T, error) {
	each := make([][]T, len(backends))
	group, ctx := errgroup.WithContext(ctx)
	for i, backend := range backends {
		group.Go(func() (err error) {
			each[i], err = ask(ctx, backend)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(each...), nil
}

func (p *Provisioner) listBackend(ctx context.Context, backend *heketi.Backend) ([]listed, error) {
	client, err := backend.Client(volume.Credentials{}) // the request has no credentials
	if err != nil {
		return nil, err
	}
	x := p.index(backend.Name())
	return x.listCache.list(ctx, client, x)
}
