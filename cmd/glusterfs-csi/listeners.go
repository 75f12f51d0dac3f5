package main

import (
	"context"
	"fmt"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
)

// listeners holds the listeners for metrics and for /healthz. A listener is nil if its flag is not set.
type listeners struct{ metrics, health net.Listener }

func openListeners(ctx context.Context, o options) (*listeners, error) {
	var w listeners
	var err error
	if o.metricsAddress != "" {
		if w.metrics, err = metrics.Listen(ctx, o.metricsAddress); err != nil {
			return nil, fmt.Errorf("--metrics-address: %w", err)
		}
	}
	if o.healthAddress != "" {
		if w.health, err = metrics.Listen(ctx, o.healthAddress); err != nil {
			w.close()
			return nil, fmt.Errorf("--health-address: %w", err)
		}
	}
	return &w, nil
}

// serve starts the servers in group, which run until ctx is done.
func (w *listeners) serve(ctx context.Context, group *errgroup.Group, registry prometheus.Gatherer, socket string) {
	logger := klog.FromContext(ctx)
	if w.metrics != nil {
		logger.Info("Serving metrics", "address", w.metrics.Addr().String())
		group.Go(func() error { return metrics.Serve(ctx, w.metrics, registry) })
	}
	if w.health != nil {
		logger.Info("Serving health", "address", w.health.Addr().String())
		check := func(ctx context.Context) error { return probeDriver(ctx, socket) }
		group.Go(func() error { return metrics.ServeHealth(ctx, w.health, check) })
	}
}

// close closes the listeners after a failed start.
func (w *listeners) close() {
	for _, listener := range []net.Listener{w.metrics, w.health} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}
