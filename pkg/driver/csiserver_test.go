package driver

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// running is a server on its own socket.
type running struct {
	conn   *grpc.ClientConn
	socket string
	stop   context.CancelFunc
	ended  chan error // receives the result of Serve
}

func start(t *testing.T, config Config, grace time.Duration) *running {
	t.Helper()
	return startWith(t.Context(), t, config, grace)
}

// startWith starts a server that logs to the logger of ctx.
func startWith(ctx context.Context, t *testing.T, config Config, grace time.Duration) *running {
	t.Helper()
	config.Name, config.Version = DefaultName, "test"
	if config.Metrics == nil {
		config.Metrics = prometheus.NewRegistry()
	}
	server, err := NewServer(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	server.grace = grace
	socket := filepath.Join(t.TempDir(), "csi.sock")
	listener, err := unixsocket.Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	r := &running{socket: socket, stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- server.Serve(ctx, listener) }()
	if r.conn, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.conn.Close(); stop() })
	return r
}

func TestServicesByMode(t *testing.T) {
	tests := map[string]struct {
		config           Config
		controller, node bool
	}{
		"controller": {Config{Provisioner: &fakeProvisioner{}}, true, false},
		"node":       {Config{Mounter: &fakeMounter{}, NodeID: "n"}, false, true},
		"all":        {Config{Provisioner: &fakeProvisioner{}, Mounter: &fakeMounter{}, NodeID: "n"}, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conn := start(t, tt.config, time.Minute).conn
			info, err := csi.NewIdentityClient(conn).GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
			if err != nil || info.GetName() != DefaultName {
				t.Errorf("%v, %v", info, err)
			}
			capabilities, err := csi.NewIdentityClient(conn).GetPluginCapabilities(t.Context(), &csi.GetPluginCapabilitiesRequest{})
			if err != nil || len(capabilities.GetCapabilities()) > 0 != tt.controller {
				t.Errorf("%v, %v", capabilities, err)
			}
			_, err = csi.NewControllerClient(conn).ControllerGetCapabilities(t.Context(), &csi.ControllerGetCapabilitiesRequest{})
			if served := status.Code(err) != codes.Unimplemented; served != tt.controller {
				t.Errorf("controller served: %t (%v)", served, err)
			}
			_, err = csi.NewNodeClient(conn).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{})
			if served := status.Code(err) != codes.Unimplemented; served != tt.node {
				t.Errorf("node served: %t (%v)", served, err)
			}
		})
	}
}

func TestErrorsHaveCodesOnTheWire(t *testing.T) {
	conn := start(t, Config{Provisioner: &fakeProvisioner{err: volume.ErrExhausted}}, time.Minute).conn
	_, err := csi.NewControllerClient(conn).CreateVolume(t.Context(), createRequest(func(*csi.CreateVolumeRequest) {}))
	wantError(t, err, codes.ResourceExhausted, "pvc-1")
	_, err = csi.NewControllerClient(conn).ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{})
	wantError(t, err, codes.Unimplemented)
}

// deadlines records the time limit of a call.
type deadlines struct {
	fakeMounter
	left time.Duration
}

func (d *deadlines) Stage(ctx context.Context, _ mount.Source, _ string) error {
	if deadline, ok := ctx.Deadline(); ok {
		d.left = time.Until(deadline)
	}
	return nil
}

func TestServerBoundsCalls(t *testing.T) {
	mounter := &deadlines{}
	conn := start(t, Config{Mounter: mounter}, time.Minute).conn
	if _, err := csi.NewNodeClient(conn).NodeStageVolume(context.WithoutCancel(t.Context()), stageRequest()); err != nil {
		t.Fatal(err)
	}
	if mounter.left <= 0 {
		t.Error("a call without a deadline may take for ever")
	}
}

func TestMetricsCountCalls(t *testing.T) {
	registry := prometheus.NewRegistry()
	conn := start(t, Config{Mounter: &fakeMounter{err: mount.ErrBusy}, Metrics: registry}, time.Minute).conn
	_, err := csi.NewNodeClient(conn).NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: "v", StagingTargetPath: staging})
	wantError(t, err, codes.Aborted)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if family.GetName() == "grpc_server_handled_total" && labels["grpc_method"] == "NodeUnstageVolume" &&
				labels["grpc_code"] == "Aborted" && metric.GetCounter().GetValue() == 1 {
				return
			}
		}
	}
	t.Errorf("the call is not counted: %v", families)
}

// stageBlocks is a mounter whose Stage waits for release, or for the end of its context.
type stageBlocks struct {
	fakeMounter
	entered, release chan struct{}
	ended            chan error
}

func newStageBlocks() *stageBlocks {
	return &stageBlocks{entered: make(chan struct{}), release: make(chan struct{}), ended: make(chan error, 1)}
}

func (s *stageBlocks) Stage(ctx context.Context, _ mount.Source, _ string) error {
	close(s.entered)
	select {
	case <-s.release:
		s.ended <- nil
		return nil
	case <-ctx.Done():
		s.ended <- ctx.Err()
		return ctx.Err()
	}
}

func TestStopLetsRunningCallsFinish(t *testing.T) {
	mounter := newStageBlocks()
	r := start(t, Config{Mounter: mounter}, time.Minute)
	staged := make(chan error, 1)
	go func() {
		_, err := csi.NewNodeClient(r.conn).NodeStageVolume(t.Context(), stageRequest())
		staged <- err
	}()
	<-mounter.entered
	r.stop()
	awaitRefusal(t, r.socket)
	close(mounter.release)
	if err := <-staged; err != nil {
		t.Errorf("the running call failed: %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Lstat(r.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestStopCancelsCallsThatTakeTooLong(t *testing.T) {
	mounter := newStageBlocks()
	r := start(t, Config{Mounter: mounter}, 100*time.Millisecond)
	staged := make(chan error, 1)
	go func() {
		_, err := csi.NewNodeClient(r.conn).NodeStageVolume(t.Context(), stageRequest())
		staged <- err
	}()
	<-mounter.entered
	r.stop()
	if err := <-mounter.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler ended with %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-staged; err == nil {
		t.Error("the call succeeded")
	}
}

// awaitRefusal returns when connections are refused.
func awaitRefusal(t *testing.T, socket string) {
	t.Helper()
	for t.Context().Err() == nil {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}
