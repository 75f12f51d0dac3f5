package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// capacityOptions hold the flags for publishing free capacity to the scheduler.
type capacityOptions struct {
	interval  time.Duration // 0 means never
	immediate bool
	namespace string
	pod       string
}

const (
	namespaceVariable = "POD_NAMESPACE"
	podVariable       = "POD_NAME"
)

func (o *capacityOptions) register(flags *pflag.FlagSet) {
	flags.DurationVar(&o.interval, "publish-capacity", 0, "how often to publish the free space of each StorageClass, as in 5m; the CSIStorageCapacity objects for the scheduler are in this pod's namespace (variables "+
		namespaceVariable+" and "+podVariable+"); needs the Kubernetes API (default 0, never)")
	flags.BoolVar(&o.immediate, "publish-capacity-immediate", false, "with --publish-capacity: also for StorageClasses with the volumeBindingMode Immediate")
}

func (o *capacityOptions) complete() error {
	o.namespace, o.pod = os.Getenv(namespaceVariable), os.Getenv(podVariable)
	switch {
	case o.interval == 0 && o.immediate:
		return errors.New("--publish-capacity-immediate has no meaning without --publish-capacity=INTERVAL")
	case o.interval == 0:
		return nil
	case o.interval < time.Second:
		return fmt.Errorf("--publish-capacity=%s: write at least 1s, as in 5m, or 0 for never", o.interval)
	case o.namespace == "" || o.pod == "":
		return fmt.Errorf("--publish-capacity needs the namespace and the name of this pod: set %s and %s", namespaceVariable, podVariable)
	}
	return nil
}

func (o *capacityOptions) publication(driverName string, p *provisioner.Provisioner) kube.Capacity {
	return kube.Capacity{
		Driver: driverName, Namespace: o.namespace, Pod: o.pod, Interval: o.interval, Immediate: o.immediate,
		Room: func(ctx context.Context, class map[string]string, since time.Time) (total, largest int64, err error) {
			parameters, err := volume.ParseParameters(class)
			if err != nil {
				return 0, 0, err
			}
			space, err := p.AvailableSince(ctx, parameters, since)
			return space.Total, space.Largest, err
		},
	}
}
