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
		if err := p.readOnce(ctx, b, credentials); err != nil {
			unread = append(unread, err.Error())
		}
	}
	p.mu.Lock()
	indexes := maps.Clone(p.indexes)
	p.mu.Unlock()
	for _, backend := range slices.Sorted(maps.Keys(indexes)) {
		if gluster := indexes[backend].volumeOf(key); gluster != "" {
			return stillWanted(fmt.Sprintf("an earlier create of gluster volume %s of backend %q has made the volume or may still make it", gluster, backend), refusal)
		}
	}
	if len(unread) > 0 {
		return fmt.Errorf("%w: this create is refused: %s; whether an earlier create has made the volume is not known: %s",
			volume.ErrUnavailable, refusal.Error(), strings.Join(unread, "; "))
	}
	return refusal
}

// readOnce reads a backend's records, unless this process has read them before.
func (p *Provisioner) readOnce(ctx context.Context, b *heketi.Backend, credentials volume.Credentials) error {
	x := p.index(b.Name())
	client, err := recordsClient(b, credentials)
	if err != nil {
		return err
	}
	return x.readSince(ctx, client, time.Time{})
}

// recordsClient returns a client that reads the records of a backend, with the backend's own key if it has one: the credentials of
// a request may be those of another backend.
func recordsClient(b *heketi.Backend, credentials volume.Credentials) (*heketi.Client, error) {
	if b.HasKey() {
		credentials = volume.Credentials{}
	}
	return b.Client(credentials)
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
