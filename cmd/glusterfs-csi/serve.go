package main

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

// serve runs the driver until ctx is done. It logs nothing until every part is ready, so that a failed start leaves one line.
func serve(ctx context.Context, m mode, o options, logs io.Writer) error {
	logger := o.logging.Install(logs)
	ctx = klog.NewContext(ctx, logger)

	// The socket comes first: a second driver that was started by mistake must stop here, before it touches the state of the
	// first.
	calls, err := unixsocket.Listen(ctx, o.socket)
	if err != nil {
		return err
	}
	defer calls.Close() // after a failed start; otherwise Serve closes the listener
	watched, err := openListeners(ctx, o)
	if err != nil {
		return err
	}
	defer watched.close()

	registry := metrics.NewRegistry()
	config := driver.Config{Name: o.driverName, Version: commandline.Version(version), Metrics: registry, Health: o.volumeHealth}
	var node background
	controller := background{stop: func() {}}
	if m.controller {
		if controller, err = addController(ctx, &config, o); err != nil {
			return err
		}
	}
	if m.node {
		if node, err = addNode(ctx, &config, o); err != nil {
			return err
		}
		defer node.stop()
	}
	server, err := driver.NewServer(ctx, config)
	if err != nil {
		return err
	}
	tasks, err := kubernetesTasks(ctx, o, controller.provisioner)
	if err != nil {
		return err
	}

	logger.Info("Started", "driver", o.driverName, "version", config.Version, "endpoint", o.endpoint,
		"controller", m.controller, "node", m.node, "nodeID", o.nodeID)
	if controller.started != nil {
		controller.started(logger)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, calls) })
	watched.serve(ctx, group, registry, o.socket)
	for _, task := range tasks {
		group.Go(func() error { return task(ctx) })
	}
	for _, run := range []func(context.Context){controller.run, node.run} {
		if run != nil {
			group.Go(func() error { run(ctx); return nil })
		}
	}
	err = group.Wait()
	controller.stop()
	if err != nil {
		return err
	}
	logger.Info("Stopped")
	return nil
}
