package provisioner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// creation is one request for a volume. It is comparable: only equal ones join.
type creation struct {
	backend     *heketi.Backend
	name        string // of the gluster volume
	sizeGiB     int
	capacity    volume.Capacity
	durability  volume.Durability
	clusters    string // comma-separated, "" is any
	credentials volume.Credentials
}

// Create implements volume.Provisioner.
func (p *Provisioner) Create(ctx context.Context, spec volume.Spec) (volume.Volume, error) {
	if spec.Name == "" {
		return volume.Volume{}, volume.Invalid("name", "", "must be given")
	}
	parameters := spec.Parameters
	sizeGiB, err := spec.Capacity.SizeGiB(parameters.Durability.MinGiB())
	if err != nil {
		return volume.Volume{}, err
	}
	backend, err := p.backends.Select(parameters.Backend, parameters.RestURL)
	if err != nil {
		return volume.Volume{}, err
	}
	client, err := backend.Client(spec.Credentials)
	if err != nil {
		return volume.Volume{}, err
	}
	request := creation{
		backend:     backend,
		name:        volume.GlusterName(spec.Name),
		sizeGiB:     sizeGiB,
		capacity:    spec.Capacity,
		durability:  parameters.Durability,
		clusters:    strings.Join(parameters.Clusters, ","),
		credentials: spec.Credentials,
	}
	return p.operations.do(ctx, "the create of "+request.name, request,
		func(ctx context.Context) (volume.Volume, error) { return request.run(ctx, client) })
}

func (c creation) run(ctx context.Context, client *heketi.Client) (volume.Volume, error) {
	all, err := client.Clusters(ctx)
	if err != nil {
		return volume.Volume{}, err
	}
	eligible, err := c.eligible(all)
	if err != nil {
		return volume.Volume{}, err
	}
	// Heketi refuses a name that the cluster has, atomically, so that one cluster needs no
	// look-up. It does not look at other clusters.
	if len(all) > 1 {
		found, err := c.find(ctx, client)
		if !errors.Is(err, volume.ErrNotFound) {
			return found, err
		}
	}
	return c.tryEach(ctx, client, eligible)
}

// eligible are the clusters in which the volume may lie, in order of preference.
func (c creation) eligible(all []string) ([]string, error) {
	if len(all) == 0 {
		return nil, noClusters(c.backend.Name())
	}
	if c.clusters == "" {
		return all, nil
	}
	wanted := strings.Split(c.clusters, ",")
	for _, id := range wanted {
		if !slices.Contains(all, id) {
			return nil, volume.Invalid("clusterid", id, fmt.Sprintf("must be one of the clusters of backend %q: %s",
				c.backend.Name(), strings.Join(all, ", ")))
		}
	}
	return wanted, nil
}

// tryEach goes on to the next cluster only when one has refused for want of room or
// of ability. After anything that leaves room for doubt, another cluster could get a
// second volume of the name.
func (c creation) tryEach(ctx context.Context, client *heketi.Client, clusters []string) (volume.Volume, error) {
	var refusals []error
	for _, cluster := range clusters {
		made, err := client.CreateVolume(ctx, heketi.CreateRequest{
			Name: c.name, Cluster: cluster, SizeGiB: c.sizeGiB, Durability: c.durability,
		})
		switch {
		case err == nil:
			return newVolume(c.backend.Name(), made), nil
		case errors.Is(err, heketi.ErrNameInUse):
			return c.settle(ctx, client, err)
		case heketi.OutcomeOf(err) == heketi.Unknown:
			klog.FromContext(ctx).Info("Looking for a volume whose create has an unknown outcome", "volume", c.name, "err", err)
			return c.settle(ctx, client, err)
		case heketi.OutcomeOf(err) == heketi.Refused &&
			(errors.Is(err, volume.ErrExhausted) || errors.Is(err, volume.ErrPrecondition)):
			refusals = append(refusals, fmt.Errorf("cluster %s: %w", cluster, err))
		default:
			return volume.Volume{}, err
		}
	}
	// Heketi looks at room and abilities before it looks at the name: an earlier call may have made the volume.
	if found, err := c.find(ctx, client); !errors.Is(err, volume.ErrNotFound) {
		return found, err
	}
	return volume.Volume{}, everyClusterRefused(refusals)
}

// everyClusterRefused wraps one of package volume's errors: that there is no room is
// worth more than that one of the clusters cannot.
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

// settle looks for the volume after a create that did not simply succeed or fail.
func (c creation) settle(ctx context.Context, client *heketi.Client, cause error) (volume.Volume, error) {
	found, err := c.find(ctx, client)
	used := errors.Is(cause, heketi.ErrNameInUse)
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, volume.ErrNotFound) && used:
		return volume.Volume{}, fmt.Errorf("%w: volume %s was being removed, repeat the create", volume.ErrBusy, c.name)
	case errors.Is(err, volume.ErrNotFound):
		return volume.Volume{}, fmt.Errorf("%w: no volume is left of this create, repeat it: %s", volume.ErrUnavailable, cause.Error())
	case used:
		return volume.Volume{}, err
	}
	return volume.Volume{}, fmt.Errorf("%w (looked up after: %s)", err, cause.Error())
}
