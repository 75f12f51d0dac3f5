package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/orphans"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
)

// background is the part of the controller or the node plugin that runs beside CSI calls.
type background struct {
	run         func(ctx context.Context) // runs until ctx is done; may be nil
	stop        func()                    // called at the end, when all calls have ended
	provisioner *provisioner.Provisioner  // for other parts; nil for a node
	started     func(logger klog.Logger)  // logs a summary once every part is ready; may be nil
}

// addController adds to config a provisioner for the configured Heketi servers. It does not contact them: the driver must start
// even if a Heketi is down.
func addController(ctx context.Context, config *driver.Config, o options) (background, error) {
	observer := metrics.NewHeketi(config.Metrics)
	timing := heketi.DefaultTiming()
	timing.Late = o.lateRequests
	backends, err := heketi.OpenBackends(klog.FromContext(ctx), o.config, timing, heketi.WithObserver(observer))
	if err != nil {
		return background{}, fmt.Errorf("--config=%s: %w", o.config, err)
	}
	var run func(context.Context)
	if o.reportOrphans > 0 {
		watcher, err := newOrphansWatcher(o, backends, config.Metrics)
		if err != nil {
			return background{}, err
		}
		run = watcher.Run
	}
	settings := []provisioner.Setting{provisioner.WithObserver(observer)}
	if o.stateDir != "" {
		journal, err := provisioner.OpenJournal(filepath.Join(o.stateDir, "requests"))
		if err != nil {
			return background{}, fmt.Errorf("--state-dir=%s: %w", o.stateDir, err)
		}
		settings = append(settings, provisioner.WithJournal(journal))
	}
	p := provisioner.New(backends, settings...)
	config.Provisioner = p
	return background{run: run, provisioner: p, started: func(logger klog.Logger) { warnOfPlaintext(logger, backends.All()) }, stop: func() {
		// All calls have ended. Operations that still run belong to calls that were given up, and Heketi completes them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			klog.FromContext(ctx).Info("Stopping with operations under way", "err", err.Error())
		}
		backends.Close()
	}}, nil
}

// warnOfPlaintext logs one line if others on the network can read and repeat requests to Heketi.
func warnOfPlaintext(logger klog.Logger, backends []*heketi.Backend) {
	var urls []string
	for _, b := range backends {
		if b.Plaintext() {
			urls = append(urls, b.URL())
		}
	}
	if len(urls) > 0 {
		logger.Info("Warning: requests to Heketi go through the network unencrypted", "urls", urls, "remedy", heketi.HintPlaintext)
	}
}

func newOrphansWatcher(o options, backends *heketi.Backends, registry prometheus.Registerer) (*orphans.Watcher, error) {
	client, err := newKubernetesClient(o)
	if err != nil {
		return nil, err
	}
	return &orphans.Watcher{
		Backends: backends.All, PVs: client.PersistentVolumes,
		Driver: o.driverName, Interval: o.reportOrphans, Observer: metrics.NewOrphans(registry),
	}, nil
}

// addNode adds to config the manager of this node's clients.
func addNode(ctx context.Context, config *driver.Config, o options) (background, error) {
	asker := &fusequery.Asker{}
	var events *kube.Events // nil if events are off
	if o.events {
		client, err := newKubernetesClient(o)
		if err != nil {
			return background{}, err
		}
		events = client.NewEvents(o.driverName, o.nodeID)
	}
	m, err := fuseclient.NewManager(ctx, fuseclient.Config{
		Asker: asker, StateDir: o.stateDir, Health: o.volumeHealth, Servers: o.clusters.servers, Prober: o.allowedServers.prober(),
		Placement: o.clients.placement, CgroupName: o.clients.cgroup, MemoryLimit: o.clients.memoryLimit, ResolverRoot: o.clients.resolver,
	})
	if err != nil {
		return background{}, fmt.Errorf("node plugin with --state-dir=%s: %w", o.stateDir, err)
	}
	metrics.NewNode(config.Metrics, m.Leftovers())
	config.Mounter, config.NodeID, config.MaxVolumes = m, o.nodeID, o.maxVolumes
	metrics.RegisterClients(config.Metrics, func() metrics.ClientState { return clientState(m.Report()) })
	if !o.healMounts {
		return background{run: m.Run, stop: m.Close}, nil
	}
	limits := healing.DefaultLimits()
	limits.Hung = o.hungLimit
	healer, err := healing.New(healing.Config{
		Limits: &limits, Clients: m, Asker: asker, StateDir: o.stateDir, Observer: &repairObserver{metrics.NewHealing(config.Metrics), events, m.Publications},
	})
	if err != nil {
		m.Close()
		return background{}, fmt.Errorf("--state-dir=%s: %w", o.stateDir, err)
	}
	config.Mounter = healer
	metrics.RegisterLayers(config.Metrics, healer.DeadLayers)
	metrics.RegisterUnrepaired(config.Metrics, healer.Unrepaired)
	run := func(ctx context.Context) {
		var reporting sync.WaitGroup
		if events != nil {
			reporting.Go(func() { events.Run(ctx) })
		}
		healer.Run(ctx)
		reporting.Wait()
	}
	return background{run: run, stop: m.Close}, nil
}

func clientState(report fuseclient.Report) metrics.ClientState {
	state := metrics.ClientState{Clients: map[metrics.ClientKind]int{}, InPod: report.InPod, Old: report.Old, Deaths: report.Deaths, Lacking: report.Lacking}
	for _, c := range report.Clients {
		state.Clients[metrics.ClientKind{Placement: c.Placement, Version: c.Version}]++
		state.Memory += c.Memory
	}
	return state
}
