// Registrar-stand-in does what the documentation of node-driver-registrar says of it, for tests of the chart: it asks the
// driver for its name, and serves the kubelet's plugin registration API in /registration. It knows those flags of the
// sidecar's that the chart writes, and no others. It is not the sidecar, which is not among the tools: what only the
// sidecar's own code does is not tested with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubernetes-csi/csi-lib-utils/connection"
	"github.com/kubernetes-csi/csi-lib-utils/rpc"
	"google.golang.org/grpc"
	logs "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/klog/v2"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// directory is where the kubelet's plugins_registry has to be mounted.
const directory = "/registration"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx)
	stop()
	if err != nil {
		klog.ErrorS(err, "The registrar ends")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

func run(ctx context.Context) error {
	address := flag.String("csi-address", "/run/csi/socket", "the driver's socket")
	path := flag.String("kubelet-registration-path", "", "the driver's socket as the kubelet sees it")
	logging := logs.NewLoggingConfiguration()
	logs.AddGoFlags(logging, flag.CommandLine)
	flag.Parse()
	if *path == "" {
		return errors.New("--kubelet-registration-path must be set")
	}
	if err := logs.ValidateAndApply(logging, nil); err != nil {
		return err
	}
	name, err := driverName(ctx, *address)
	if err != nil {
		return err
	}
	socket := filepath.Join(directory, name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was killed has left it
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	r := &registrar{
		info: &registration.PluginInfo{
			Type: registration.CSIPlugin, Name: name, Endpoint: *path, SupportedVersions: []string{"1.0.0"},
		},
		refused: make(chan error, 1),
	}
	server := grpc.NewServer()
	registration.RegisterRegistrationServer(server, r)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer server.Stop() // removes the socket
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	case err := <-r.refused: // by its end the sidecar makes the kubelet restart it, and try again
		return err
	}
}

func driverName(ctx context.Context, address string) (string, error) {
	conn, err := connection.ConnectWithoutMetrics(ctx, address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return rpc.GetDriverName(ctx, conn)
}

type registrar struct {
	registration.UnimplementedRegistrationServer
	info    *registration.PluginInfo
	refused chan error
}

func (r *registrar) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return r.info, nil
}

func (r *registrar) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if status.GetPluginRegistered() {
		klog.InfoS("The kubelet registered the driver", "driver", r.info.GetName())
	} else {
		select {
		case r.refused <- fmt.Errorf("the kubelet refused the driver: %s", status.GetError()):
		default:
		}
	}
	return &registration.RegistrationStatusResponse{}, nil
}
