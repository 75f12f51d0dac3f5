package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// RefuseCreate implements volume.Provisioner. A refused request may name a wrong backend, or none, and an earlier process may have
// made the volume. So the records of every backend must have been read once since the start of this process.
func (p *Provisioner) RefuseCreate(ctx context.Context, name string, credentials volume.Credentials, refusal error) error {
	if name == "" || errors.Is(refusal, volume.ErrUnavailable) {
		return refusal // without a name there is no volume; after ErrUnavailable, the caller repeats the create anyway
	}
	key := volume.NameKey(volume.GlusterName(name, volume.Naming{}))
	if operation, ok := p.inflight.operationOn(key); ok {
		return stillWanted(operation.String()+" is running", refusal)
	}
	var unread []string
	for _, b := range p.backends.All() {
		if err := p.readRecords(ctx, b, credentials, time.Time{}); err != nil {
			unread = append(unread, err.Error())
		}
	}
	indexes := p.allIndexes()
	for _, backend := range slices.Sorted(maps.Keys(indexes)) {
		if gluster := indexes[backend].volumeOf(key); gluster != "" {
			return stillWanted(earlierCreate(gluster, backend), refusal)
		}
	}
	if len(unread) > 0 {
		return fmt.Errorf("%w: this create is refused: %s; whether an earlier create has made the volume is not known: %s",
			volume.ErrUnavailable, refusal.Error(), strings.Join(unread, "; "))
	}
	return refusal
}

// readRecords makes sure that the records of a backend were requested at or after since. It uses the backend's own key if there is
// one, because the credentials of a request may be those of another backend.
func (p *Provisioner) readRecords(ctx context.Context, b *heketi.Backend, credentials volume.Credentials, since time.Time) error {
	if b.HasKey() {
		credentials = volume.Credentials{}
	}
	client, err := b.Client(credentials)
	if err != nil {
		return err
	}
	return p.index(b.Name()).readSince(ctx, client, since)
}

// allIndexes returns the indexes of all backends by name, including backends that are no longer configured.
func (p *Provisioner) allIndexes() map[string]*index {
	for _, b := range p.backends.All() {
		p.index(b.Name()) // reads the notes of an earlier process
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.indexes)
}

func earlierCreate(gluster, backend string) string {
	return fmt.Sprintf("an earlier create of gluster volume %s of backend %q has made the volume or may still make it", gluster, backend)
}

func stillWanted(what string, refusal error) error {
	return fmt.Errorf("%w: %s, but this create is refused: %s; correct that, or the volume is left without a claim", volume.ErrBusy, what, refusal.Error())
}

// operationOn returns the task of the operation that is running on a volume.
func (o *inflight) operationOn(key string) (t task, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op, ok := o.running[key]
	if ok {
		t = op.task
	}
	return t, ok
}

// volumeOf returns the name of the gluster volume with this key of a CSI name: one that an unanswered create may still make, or one
// that the driver has seen in Heketi. It returns "" if there is none.
func (x *index) volumeOf(key string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.held[key]; r.late.After(time.Now()) {
		return cmp.Or(r.name, "*-"+key) // a damaged note has no name
	}
	return x.ours[key]
}
