package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// creation is one request for a volume. It is comparable: only equal requests are joined.
type creation struct {
	backend     string
	name        string // of the gluster volume
	sizeGiB     int
	capacity    volume.Capacity
	durability  volume.Durability
	clusters    string // comma-separated, "" is any
	gids        volume.GIDRange
	options     string // one per line
	snapFactor  float64
	credentials volume.Credentials
}

// Create implements volume.Provisioner.
func (p *Provisioner) Create(ctx context.Context, spec volume.Spec) (volume.Volume, error) {
	if spec.Name == "" {
		return volume.Volume{}, volume.Invalid("name", "", "must be given")
	}
	request, client, err := p.prepare(spec)
	if err != nil {
		selected := p.selected(spec.Parameters.Backend, spec.Parameters.RestURL, spec.Credentials)
		return volume.Volume{}, p.refuseCreate(ctx, spec.Name, selected, err)
	}
	run := creating{creation: request, client: client, index: p.index(request.backend), journal: p.journal, observer: p.observer}
	began := time.Now()
	made, err := p.inflight.do(ctx, task{kind: "create", subject: request.name, key: volume.NameKey(request.name), request: request},
		func(ctx context.Context) (volume.Volume, error) {
			if err := p.checkOtherBackends(ctx, request, client); err != nil {
				return volume.Volume{}, err
			}
			return run.run(ctx)
		})
	if err != nil {
		return volume.Volume{}, p.whatFits(ctx, request, spec.Parameters, began, err)
	}
	if run.index.wasDeleted(made.Handle.ID) {
		// The operation that this call joined found the volume before the delete.
		return volume.Volume{}, fmt.Errorf("%w: volume %s was deleted after it was found; repeat the create", volume.ErrBusy, made.Name)
	}
	if run.index.isStale(made) {
		return volume.Volume{}, fmt.Errorf("%w: volume %s was expanded after it was found; repeat the create", volume.ErrBusy, made.Name)
	}
	return made, nil
}

// prepare checks everything about a request that can be checked without Heketi.
func (p *Provisioner) prepare(spec volume.Spec) (creation, *heketi.Client, error) {
	parameters := spec.Parameters
	sizeGiB, err := spec.Capacity.SizeGiB(parameters.Durability.MinGiB())
	if err != nil {
		return creation{}, nil, err
	}
	backend, err := p.backends.Select(parameters.Backend, parameters.RestURL)
	if err != nil {
		return creation{}, nil, err
	}
	client, err := backend.Client(spec.Credentials)
	if err != nil {
		return creation{}, nil, err
	}
	if spec.Parameters.Naming, err = withPrefix(backend, parameters.Naming); err != nil {
		return creation{}, nil, err
	}
	return newCreation(spec, backend.Name(), sizeGiB), client, nil
}

func newCreation(spec volume.Spec, backend string, sizeGiB int) creation {
	parameters := spec.Parameters
	options := make([]string, 0, len(parameters.Options))
	for _, o := range parameters.Options {
		options = append(options, o.String())
	}
	return creation{
		backend:     backend,
		name:        volume.GlusterName(spec.Name, parameters.Naming),
		sizeGiB:     sizeGiB,
		capacity:    spec.Capacity,
		durability:  parameters.Durability,
		clusters:    strings.Join(parameters.Clusters, ","),
		gids:        parameters.GIDs,
		options:     strings.Join(options, "\n"),
		snapFactor:  parameters.SnapFactor,
		credentials: spec.Credentials,
	}
}

func (c creation) optionList() []string {
	if c.options == "" {
		return nil
	}
	return strings.Split(c.options, "\n")
}

// creating is a creation in progress.
type creating struct {
	creation
	client   *heketi.Client
	index    *index
	journal  *Journal
	observer Observer
	absent   bool // Heketi's records did not have the volume, and no create has been sent since
}

func (c *creating) run(ctx context.Context) (volume.Volume, error) {
	v, err := c.attempt(ctx)
	if cleanUp(ctx, c.client, c.index, err) {
		v, err = c.attempt(ctx)
	}
	if err == nil || errors.Is(err, volume.ErrBusy) || errors.Is(err, volume.ErrUnavailable) || errors.Is(err, volume.ErrIncompatible) {
		return v, err
	}
	return c.refuse(ctx, err)
}

// refuse returns the result of a create that is refused. After a final error external-provisioner forgets the volume, so refuse
// returns the refusal only if there is no volume and none can still appear. But an earlier create may have made the volume or may
// still make it, or Heketi may have begun this create and be unable to undo it. In these cases refuse returns the result of a
// look-up, or an error after which external-provisioner repeats the create.
func (c *creating) refuse(ctx context.Context, refusal error) (volume.Volume, error) {
	if errors.Is(refusal, volume.ErrUnauthenticated) {
		return volume.Volume{}, loginError{refusal} // a look-up would be refused as well
	}
	if !c.absent {
		found, err := c.find(ctx)
		switch {
		case err == nil || errors.Is(err, volume.ErrIncompatible) || errors.Is(err, volume.ErrPrecondition):
			return found, err
		case errors.Is(err, volume.ErrBusy):
			return volume.Volume{}, fmt.Errorf("%w (the volume was looked up after this error: %s)", err, refusal.Error())
		case !errors.Is(err, volume.ErrNotFound):
			return volume.Volume{}, fmt.Errorf("%w: %s; whether an earlier create has made the volume is not known: %s",
				volume.ErrUnavailable, refusal.Error(), err.Error())
		}
	}
	if _, end := c.index.late(c.name); !end.IsZero() {
		return volume.Volume{}, fmt.Errorf("%w: %s; an earlier create was not answered and may still be carried out until %s",
			volume.ErrUnavailable, refusal.Error(), until(end))
	}
	return volume.Volume{}, refusal
}

// loginError is returned when the login of a create or an expand is refused. It does not wrap ErrUnauthenticated, which is final:
// external-provisioner would forget the volume, and external-resizer would let the claim ask for less.
type loginError struct{ refusal error }

func (e loginError) Error() string { return fmt.Sprintf("%v: %v", volume.ErrUnavailable, e.refusal) }

func (e loginError) Unwrap() []error { return []error{volume.ErrUnavailable, volume.ErrLogin} }

func (c *creating) attempt(ctx context.Context) (volume.Volume, error) {
	overdue, err := c.checkOverdueCreate(ctx)
	if err != nil {
		return volume.Volume{}, err
	}
	all, err := c.client.Clusters(ctx)
	if err != nil {
		return volume.Volume{}, err
	}
	if err := c.index.trust(all); err != nil {
		return volume.Volume{}, err
	}
	eligible, err := c.eligible(all)
	if err != nil {
		return volume.Volume{}, err
	}
	// Heketi atomically refuses a name that the cluster already has, so a single cluster needs no look-up. Heketi checks neither
	// other clusters nor another gluster volume name that an earlier create of the CSI name may have had.
	if len(all) > 1 || overdue {
		if found, err := c.find(ctx); !errors.Is(err, volume.ErrNotFound) {
			return found, err
		}
	}
	reserved, err := c.index.reserve(ctx, c.client, c.name, c.gids)
	if err == nil {
		c.name = reserved.name
		defer c.index.doubt(c.name) // has no effect if the create ends with a volume
	}
	// Look for an existing volume if no group id is free, because an existing volume needs none. Look for one also if the CSI
	// name has a volume under another gluster name: Heketi would not notice that volume, and would make a second one.
	if errors.Is(err, volume.ErrExhausted) || c.index.hasOther(c.name) {
		found, findErr := c.find(ctx)
		if !errors.Is(findErr, volume.ErrNotFound) {
			return found, findErr
		}
	}
	if err != nil {
		return volume.Volume{}, err
	}
	if cluster, end := c.index.late(c.name); !end.IsZero() { // in another cluster this create could make a second volume
		if !slices.Contains(eligible, cluster) {
			return volume.Volume{}, fmt.Errorf("%w: an earlier create for cluster %s, which the class no longer names, was not answered and may still be carried out until %s",
				volume.ErrBusy, cluster, until(end))
		}
		eligible = []string{cluster}
	}
	return c.tryEach(ctx, eligible, reserved.gid)
}

// eligible returns the clusters in which the volume may lie, in order of preference.
func (c creation) eligible(all []string) ([]string, error) {
	if c.clusters == "" {
		return all, nil
	}
	wanted := strings.Split(c.clusters, ",")
	for _, id := range wanted {
		if !slices.Contains(all, id) {
			return nil, volume.Invalid("clusterid", id, fmt.Sprintf("must be one of the clusters of backend %q: %s",
				c.backend, strings.Join(all, ", ")))
		}
	}
	return wanted, nil
}

// tryEach sends the create to one cluster after the other, until one has made the volume. It goes on to the next cluster only if a
// cluster has refused for lack of space or of a feature. After any error that leaves the outcome open, another cluster could get a
// second volume of the same name.
func (c *creating) tryEach(ctx context.Context, clusters []string, gid int64) (volume.Volume, error) {
	var refusals []error
	for _, cluster := range clusters {
		c.absent = false
		made, err := c.send(ctx, cluster, gid)
		switch outcome := heketi.OutcomeOf(err); {
		case err == nil:
			v := newVolume(c.backend, made)
			c.index.made(v)
			c.journal.hasMade(volumeKey(v.Handle))
			return v, nil
		case errors.Is(err, heketi.ErrNameInUse):
			return c.resolve(ctx, err)
		case outcome == heketi.Unknown:
			klog.FromContext(ctx).Info("Looking for a volume whose create has an unknown outcome", "volume", c.name, "err", err)
			return c.resolve(ctx, err)
		case outcome == heketi.Failed:
			return volume.Volume{}, err
		case errors.Is(err, volume.ErrExhausted), errors.Is(err, volume.ErrPrecondition):
			refusals = append(refusals, fmt.Errorf("cluster %s: %w", cluster, err))
		default:
			return volume.Volume{}, err
		}
	}
	// Heketi checks free space and features before it checks the name, so an earlier call may have made the volume.
	if found, err := c.find(ctx); !errors.Is(err, volume.ErrNotFound) {
		return found, err
	}
	return volume.Volume{}, everyClusterRefused(refusals)
}

// send sends the request for a volume to one cluster. A note of the request stays on disk until its outcome is known.
func (c *creating) send(ctx context.Context, cluster string, gid int64) (heketi.Volume, error) {
	request := heketi.CreateRequest{
		Name: c.name, Cluster: cluster, SizeGiB: c.sizeGiB, Durability: c.durability,
		GID: gid, Options: c.optionList(), SnapFactor: c.snapFactor,
	}
	key := createKey(c.backend, c.name)
	earlier := c.index.hasEarlier(c.name)
	made, err := c.client.CreateVolume(ctx, request, func() error {
		return c.journal.record(key, sent{Name: c.name, Cluster: cluster, GID: gid, Others: earlier})
	})
	if heketi.MayBeLate(err) {
		c.index.unanswered(c.name, cluster, time.Now().Add(c.client.Timing().Late), earlier)
		c.journal.unanswered(key)
		return made, err
	}
	if err == nil || heketi.OutcomeOf(err) != heketi.Refused {
		c.index.accepted(c.name)
	}
	switch _, end := c.index.late(c.name); {
	case !end.IsZero(): // an earlier create may still be carried out
	case heketi.OutcomeOf(err) != heketi.Unknown:
		c.journal.forget(key)
	case !earlier:
		c.journal.accepted(key) // find, or the next create, forgets the note
	}
	return made, err
}

// everyClusterRefused wraps one of the errors of package volume. ErrExhausted takes precedence over ErrPrecondition.
func everyClusterRefused(refusals []error) error {
	if len(refusals) == 1 {
		return refusals[0]
	}
	kind := volume.ErrPrecondition
	var reasons []string
	for _, err := range refusals {
		if errors.Is(err, volume.ErrExhausted) {
			kind = volume.ErrExhausted
		}
		reasons = append(reasons, err.Error())
	}
	return fmt.Errorf("%w: no cluster can take the volume: %s", kind, strings.Join(reasons, "; "))
}

// resolve looks for the volume after a create whose outcome is unclear.
func (c *creating) resolve(ctx context.Context, cause error) (volume.Volume, error) {
	found, err := c.find(ctx)
	used := errors.Is(cause, heketi.ErrNameInUse)
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, volume.ErrNotFound) && used:
		return volume.Volume{}, fmt.Errorf("%w: volume %s was being removed; repeat the create", volume.ErrBusy, c.name)
	case errors.Is(err, volume.ErrNotFound):
		return volume.Volume{}, fmt.Errorf("%w: this create has left no volume; repeat the create: %s", volume.ErrUnavailable, cause.Error())
	case used:
		return volume.Volume{}, err
	}
	return volume.Volume{}, fmt.Errorf("%w (the volume was looked up after this error: %s)", err, cause.Error())
}
