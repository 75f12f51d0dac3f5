package driver

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Config configures a Server. It must have Name, Version, Metrics, and at least one of Provisioner and Mounter. With a Mounter, it
// must also have NodeID.
type Config struct {
	Name        string             // of the driver; see CheckName
	Version     string             // of the build
	Provisioner volume.Provisioner // nil: no controller service
	Mounter     mount.Mounter      // nil: no node service
	NodeID      string             // this node's name in answers of the node service
	MaxVolumes  int64              // the node's maximum, for the scheduler; 0: no limit
	Health      bool               // offer the health of volumes, which is alpha in the CSI spec
	Metrics     prometheus.Registerer
}

// Server serves CSI calls.
type Server struct {
	grpc  *grpc.Server
	grace time.Duration // for calls that are running when the server is stopped
}

// NewServer returns a server for the services of config. It logs to the logger of ctx.
func NewServer(ctx context.Context, config Config) (*Server, error) {
	calls := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram(
		// The shortest call is answered from memory; the longest is a create that waits for bricks on a slow cluster.
		grpcprom.WithHistogramBuckets([]float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300})))
	if err := config.Metrics.Register(calls); err != nil {
		return nil, fmt.Errorf("registering the metrics of CSI calls: %w", err)
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(logCalls(klog.FromContext(ctx)), calls.UnaryServerInterceptor(), bound, recoverPanics, mapErrors),
		// A handler cleans up after its context is cancelled; the process must not end before that.
		grpc.WaitForHandlers(true),
	)
	csi.RegisterIdentityServer(server, &identityServer{name: config.Name, version: config.Version, controller: config.Provisioner != nil})
	if config.Provisioner != nil {
		csi.RegisterControllerServer(server, &controllerServer{provisioner: config.Provisioner, health: config.Health})
	}
	if config.Mounter != nil {
		csi.RegisterNodeServer(server, &nodeServer{mounter: config.Mounter, nodeID: config.NodeID, most: config.MaxVolumes, health: config.Health})
	}
	return &Server{grpc: server, grace: 25 * time.Second}, nil
}

// Serve serves calls on listener until ctx is done. Then it accepts no more calls, and gives running calls 25 s to finish. After
// that it cancels their contexts, gives them a few seconds more, and returns nil. It closes listener, which removes a unix socket.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	logger := klog.FromContext(ctx)
	logger.Info("Stopping: waiting for the calls that run", "limit", s.grace.String())
	if !within(s.grace, s.grpc.GracefulStop) {
		logger.Info("Stopping: cancelling the calls that still run")
		if !within(s.grace/10, s.grpc.Stop) {
			logger.Info("Stopping: some calls did not end")
		}
	}
	return nil
}

// within runs f and reports whether it returned in time.
func within(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
