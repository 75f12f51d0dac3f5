package provisioner

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// RefuseCreate implements volume.Provisioner. It sends no request, because a refused request does not say which backend to ask.
func (p *Provisioner) RefuseCreate(name string, refusal error) error {
	if errors.Is(refusal, volume.ErrUnavailable) {
		return refusal // the caller repeats the create anyway
	}
	key := volume.NameKey(volume.GlusterName(name, volume.Naming{}))
	if operation, ok := p.inflight.operationOn(key); ok {
		return stillWanted(operation.String()+" is running", refusal)
	}
	for _, b := range p.backends.All() {
		p.index(b.Name()) // reads the notes of an earlier process
	}
	p.mu.Lock()
	indexes := maps.Clone(p.indexes)
	p.mu.Unlock()
	for _, backend := range slices.Sorted(maps.Keys(indexes)) {
		if gluster := indexes[backend].volumeOf(key); gluster != "" {
			return stillWanted(fmt.Sprintf("an earlier create of gluster volume %s of backend %q has made the volume or may still make it", gluster, backend), refusal)
		}
	}
	return refusal
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
