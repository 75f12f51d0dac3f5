// Package gluster runs GlusterFS on a node, as the first process of a container: it mounts the bricks' file systems, keeps
// glusterd running, adopts the bricks' processes, answers probes, and stops everything in order. All state of GlusterFS is on the
// node, and this package never deletes any of it. The process must have no other code that starts or awaits children; see Run.
package gluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/moby/sys/mountinfo"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/logfiles"
)

// Config holds paths and addresses. Programs are looked up in PATH.
type Config struct {
	HealthAddress string        // host and port of /healthz, /readyz and /servez
	HealTimeout   time.Duration // after this time the node is ready although volumes are not healed; 0: never
	Templates     []Template
	Fstab         string // Heketi's table of this node's bricks
	RunDir        string // directory of glusterd's sockets and of the state that it writes
	PIDFile       string // of glusterd
	Logs          logfiles.Keeper
}

// DefaultConfig returns the paths in the image.
func DefaultConfig() Config {
	return Config{
		HealthAddress: "127.0.0.1:29690",
		Templates: []Template{
			{From: "/usr/share/glusterfs-storage/etc-glusterfs", To: "/etc/glusterfs"},
			{From: "/usr/share/glusterfs-storage/glusterd", To: "/var/lib/glusterd"},
		},
		Fstab:   "/var/lib/heketi/fstab",
		RunDir:  "/run/gluster",
		PIDFile: "/run/glusterd.pid",
		Logs:    logfiles.Keeper{Dir: "/var/log/glusterfs", Limits: logfiles.DefaultLimits()},
	}
}

// Run runs GlusterFS until ctx is done, and then stops it. It reaps all children of this process: no other code in the process
// may start or await a child.
func Run(ctx context.Context, config Config) error {
	return runWithin(ctx, config, defaultLimits())
}

func runWithin(ctx context.Context, config Config, l limits) error {
	raiseOpenFiles(ctx, openFiles)
	reaper := newReaper(klog.FromContext(ctx))
	reaping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var reaped sync.WaitGroup
	reaped.Go(func() { reaper.run(reaping) })
	defer reaped.Wait()
	defer stop()
	return newNode(config, l, reaper, mountPoints).run(ctx)
}

// node holds the parts that run GlusterFS on one node.
type node struct {
	config    Config
	limits    limits
	runner    runner
	mounter   *mounter
	glusterd  *supervisor
	readiness *readiness
	serving   *readiness
}

func newNode(config Config, l limits, r runner, mounted func() ([]string, error)) *node {
	n := &node{config: config, limits: l, runner: r}
	n.glusterd = newSupervisor(r, l, "glusterd", "-N", "-p", config.PIDFile, "--log-level", "INFO")
	n.mounter = newMounter(r, l, config.Fstab, mounted, n.glusterd.restartSoon)
	n.readiness = newReadiness(config, l, r, n.glusterd, n.mounter)
	n.serving = newServing(config, l, r, n.glusterd)
	return n
}

// run returns when ctx is done and all processes have ended.
func (n *node) run(ctx context.Context) error {
	// Probes come first: mounting may take longer than the kubelet waits for the first answer.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", n.config.HealthAddress)
	if err != nil {
		return fmt.Errorf("listen for probes, on the host's network: %w (--health-port=PORT chooses another port)", err)
	}
	server := newServer(n.readiness, n.serving)
	var work sync.WaitGroup
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	work.Go(func() { n.readiness.run(ctx) })
	work.Go(func() { n.serving.run(ctx) })
	work.Go(func() { n.config.Logs.Run(ctx) })

	n.prepare(ctx)
	work.Go(func() { n.glusterd.run(ctx) })
	<-ctx.Done()
	klog.FromContext(ctx).Info("Stopping")
	work.Wait() // glusterd ends first, so that it starts nothing more
	n.mounter.wait()
	n.shutDown(context.WithoutCancel(ctx))
	_ = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		klog.FromContext(ctx).Error(err, "Probes were not answered to the end")
	}
	klog.FromContext(ctx).Info("Stopped")
	return nil
}

// prepare makes the node ready for glusterd's start. It only logs errors: a brick that can run must not wait for one that cannot.
func (n *node) prepare(ctx context.Context) {
	logger := klog.FromContext(ctx)
	for _, t := range n.config.Templates {
		copied, err := t.copyMissing()
		if err != nil {
			logger.Error(err, "Templates are missing", "directory", t.To)
		}
		if copied > 0 {
			logger.Info("Copied templates", "directory", t.To, "files", copied)
		}
	}
	// On a host, GlusterFS's Debian package has systemd-tmpfiles create this directory at boot.
	if err := os.MkdirAll(n.config.RunDir, 0o755); err != nil { //nolint:gosec // the package's mode, for heal commands of other users
		logger.Error(err, "Cannot make the directory of glusterd's sockets")
	}
	if err := makeFstab(n.config.Fstab); err != nil {
		logger.Error(err, "Heketi cannot undo an interrupted creation of this node's first brick")
	}
	n.mounter.activate(ctx)
	n.mounter.mountAll(ctx)
}

// mountPoints lists the mount points in the order in which they were mounted.
func mountPoints() ([]string, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("read what is mounted: %w", err)
	}
	points := make([]string, 0, len(mounts))
	for _, m := range mounts {
		points = append(points, m.Mountpoint)
	}
	return points, nil
}
