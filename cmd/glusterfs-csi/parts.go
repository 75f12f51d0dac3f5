package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mounter"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
)

// addController gives config a provisioner over the configured Heketi servers. Nobody is asked anything yet: a Heketi
// that is away must not keep the driver from starting. The caller calls stop at the end.
func addController(ctx context.Context, config *driver.Config, o options) (stop func(), err error) {
	observer := metrics.NewHeketi(config.Metrics)
	backends, err := heketi.OpenBackends(klog.FromContext(ctx), o.config, heketi.DefaultTiming(), heketi.WithObserver(observer))
	if err != nil {
		return nil, fmt.Errorf("--config=%s: %w", o.config, err)
	}
	p := provisioner.New(backends, provisioner.WithObserver(observer))
	config.Provisioner = p
	return func() {
		// The calls have ended by now. What still runs belongs to calls that were given up, and Heketi carries it on.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			klog.FromContext(ctx).Info("Stopping with operations under way", "err", err.Error())
		}
		backends.Close()
	}, nil
}

func addNode(ctx context.Context, config *driver.Config, o options) error {
	m, err := mounter.NewSelf(ctx, mounter.Config{StateDir: o.stateDir})
	if err != nil {
		return fmt.Errorf("--state-dir=%s: %w", o.stateDir, err)
	}
	config.Mounter, config.NodeID = m, o.nodeID
	return nil
}
