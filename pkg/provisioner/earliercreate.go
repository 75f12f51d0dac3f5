package provisioner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// selection is the backend that a request selects, with the credentials of the request. The credentials are sent to no other
// backend, because the administrator of that backend could use them.
type selection struct {
	backend     string // "": none, or not known
	credentials volume.Credentials
}

// earlierCreate looks in one backend for an earlier create of the CSI name with this key. It returns the name of the gluster
// volume that the create has made or may still make; "" if there is certainly none. If this is in doubt, unknown gives the
// reason. A refusal of a create, and a create for another backend, both depend on the result.
//
// There is doubt as long as the journal has a note of the create. The doubt ends when the records are read at a time when Heketi
// can no longer begin the request and has recorded every request that it has begun. A backend that was removed from the
// configuration cannot be read. By removing it, the administrator has given up its volumes, so only a request that Heketi may
// still begin counts.
//
// If the cached records have the volume, they are read again unless they were requested at or after since, because the volume may
// have been deleted.
func (p *Provisioner) earlierCreate(ctx context.Context, backend, key string, selected selection, since time.Time) (gluster string, unknown error) {
	note, noted := p.journal.createOf(createKeys(backend) + key)
	sentAs := cmp.Or(note.Name, "*-"+key) // a damaged note has no name
	if noted && time.Now().Before(note.until) {
		return sentAs, fmt.Errorf("until %s, Heketi may begin it", until(note.until))
	}
	b, err := p.backends.ByName(backend)
	if err != nil {
		return "", nil //nolint:nilerr // the backend was removed from the configuration
	}
	x := p.index(backend)
	switch {
	case noted:
		err = p.readOverdue(ctx, b, x, selected)
	case x.recorded(key) != "":
		err = p.readRecords(ctx, b, selected, since)
	}
	if err != nil {
		return cmp.Or(x.recorded(key), sentAs), fmt.Errorf("this doubt ends when backend %q can be read, or is removed from the driver's configuration: %w", backend, err)
	}
	return x.recorded(key), nil
}

// readOverdue reads the records of a backend that may have begun an overdue create.
func (p *Provisioner) readOverdue(ctx context.Context, b *heketi.Backend, x *index, selected selection) error {
	client, err := recordsClient(b, selected)
	if err != nil {
		return err
	}
	unrecorded, err := settleCreate(ctx, client, x)
	if err == nil && unrecorded > 0 {
		err = fmt.Errorf("its Heketi is working on %s that the database does not show yet", plain.Plural(unrecorded, "request"))
	}
	return err
}

// settleCreate ends the doubt about an overdue create. Without an error, and if unrecorded is 0, the records in the index show
// every volume that Heketi has made, or can still make, for the create.
func settleCreate(ctx context.Context, client *heketi.Client, x *index) (unrecorded int, err error) {
	unrecorded, err = client.Unrecorded(ctx)
	if err != nil || unrecorded > 0 {
		return unrecorded, err
	}
	return 0, x.readSince(ctx, client, time.Now())
}

// readRecords makes sure that the records of a backend were requested at or after since.
func (p *Provisioner) readRecords(ctx context.Context, b *heketi.Backend, selected selection, since time.Time) error {
	client, err := recordsClient(b, selected)
	if err != nil {
		return err
	}
	return p.index(b.Name()).readSince(ctx, client, since)
}

// errNoCredentials is returned for a backend that the driver cannot log in to.
var errNoCredentials = errors.New("no key is configured for it")

// recordsClient returns a client with the backend's own key. If the backend has no key, the client gets the credentials of the
// request, but only if the request selects this backend. Otherwise recordsClient fails, because a refused login would raise an
// alert.
func recordsClient(b *heketi.Backend, selected selection) (*heketi.Client, error) {
	switch {
	case b.HasKey():
		return b.Client(volume.Credentials{})
	case b.Name() == selected.backend:
		return b.Client(selected.credentials)
	}
	return nil, fmt.Errorf("backend %q cannot be read: %w", b.Name(), errNoCredentials)
}

// backendsWith returns the names of the backends that may have a volume of the CSI name with this key, including backends that
// are no longer configured.
func (p *Provisioner) backendsWith(key string) []string {
	p.mu.Lock()
	indexes := maps.Clone(p.indexes)
	p.mu.Unlock()
	names := p.journal.backendsOf(key)
	for backend, x := range indexes {
		if x.recorded(key) != "" {
			names = append(names, backend)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// recorded returns the name of the gluster volume whose CSI name has this key, if the cached dump has the volume or this process
// has made it since; otherwise "".
func (x *index) recorded(key string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ours[key]
}

func describeEarlier(gluster, backend string) string {
	return fmt.Sprintf("an earlier create of gluster volume %s of backend %q has made the volume or may still make it", gluster, backend)
}

// inBrackets returns the end of a message: the reason why it is unknown whether a backend has the volume.
func inBrackets(unknown error) string {
	if unknown == nil {
		return ""
	}
	return " (" + unknown.Error() + ")"
}
