package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// RefuseCreate implements volume.Provisioner. The request may be too damaged to show for which backend its credentials are. So
// they are used only if just one backend is configured.
func (p *Provisioner) RefuseCreate(ctx context.Context, name string, credentials volume.Credentials, refusal error) error {
	return p.refuseCreate(ctx, name, p.selected("", "", credentials), refusal)
}

// selected returns the backend that a class selects. If the class selects no backend, the credentials are not used.
func (p *Provisioner) selected(backend, restURL string, credentials volume.Credentials) selection {
	b, err := p.backends.Select(backend, restURL)
	if err != nil {
		return selection{}
	}
	return selection{backend: b.Name(), credentials: credentials}
}

// refuseCreate implements RefuseCreate. A refused request may name a wrong backend, or none, and an earlier process may have made
// the volume. So the records of every backend must have been read once since the start of this process. Backends for which the
// driver has no key are an exception: otherwise, no refusal could be final while one of them is configured.
func (p *Provisioner) refuseCreate(ctx context.Context, name string, selected selection, refusal error) error {
	if name == "" || errors.Is(refusal, volume.ErrUnavailable) {
		return refusal // without a name there is no volume; after ErrUnavailable, the caller repeats the create anyway
	}
	key := volume.NameKey(volume.GlusterName(name, volume.Naming{}))
	if operation, ok := p.inflight.operationOn(key); ok {
		return stillWanted(operation.String()+" is running", refusal, "")
	}
	unread := p.readOnce(ctx, selected)
	for _, backend := range p.backendsWith(key) {
		if gluster, unknown := p.earlierCreate(ctx, backend, key, selected, time.Time{}); gluster != "" {
			return stillWanted(describeEarlier(gluster, backend), refusal, inBrackets(unknown))
		}
	}
	if len(unread) > 0 {
		return fmt.Errorf("%w: this create is refused: %s; whether an earlier create has made the volume is not known: %s",
			volume.ErrUnavailable, refusal.Error(), strings.Join(unread, "; "))
	}
	return refusal
}

// readOnce reads, concurrently, the records of all backends that this process has not read yet, and returns the errors.
func (p *Provisioner) readOnce(ctx context.Context, selected selection) (unread []string) {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
	)
	for _, b := range p.backends.All() {
		group.Go(func() {
			err := p.readRecords(ctx, b, selected, time.Time{})
			if err == nil || errors.Is(err, errNoCredentials) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			unread = append(unread, err.Error())
		})
	}
	group.Wait()
	return unread
}

func stillWanted(what string, refusal error, doubt string) error {
	return fmt.Errorf("%w: %s, but this create is refused: %s; remove the reason, or the volume is left without a claim%s", volume.ErrBusy, what, refusal.Error(), doubt)
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
