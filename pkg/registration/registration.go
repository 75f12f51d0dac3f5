// Package registration registers the driver with the kubelet, like the sidecar node-driver-registrar. The driver's CSI socket
// must be listening before Open is called. The caller of Open must call Serve once. To end the registration, it cancels Serve's
// context: Serve then removes the socket, and the kubelet unregisters the driver.
package registration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

// Registration announces the driver to the kubelet of this node: it serves the kubelet's plugin registration API on a socket in
// the directory that the kubelet watches. It works like the sidecar node-driver-registrar, with one difference: the sidecar exits
// when the kubelet refuses the driver. Here an exit would end all clients that run in the node plugin's pod.
type Registration struct {
	path       string
	info       *registerapi.PluginInfo
	listener   net.Listener
	delays     wait.Backoff // between a refusal by the kubelet and the next announcement
	registered chan struct{}
	once       sync.Once
}

// Socket returns the path of the socket in the directory, with the name that node-driver-registrar uses.
func Socket(dir, driver string) string { return filepath.Join(dir, driver+"-reg.sock") }

// Open opens the Socket. The kubelet may register the driver as soon as Serve runs, and then calls the CSI socket, which must be
// listening: the calls wait there until the driver serves them. The parameter endpoint is the path of the CSI socket as the
// kubelet sees it. A stale socket file is replaced; see unixsocket.Listen.
func Open(ctx context.Context, dir, driver, endpoint string) (*Registration, error) {
	path := Socket(dir, driver)
	listener, err := unixsocket.Listen(ctx, path)
	if err != nil {
		return nil, err
	}
	return &Registration{
		path: path,
		info: &registerapi.PluginInfo{
			Type:     registerapi.CSIPlugin,
			Name:     driver,
			Endpoint: endpoint,
			// The CSI version for the registration API: the kubelet accepts every 1.x (pkg/volume/csi, highestSupportedVersion).
			SupportedVersions: []string{"1.0.0"},
		},
		listener:   listener,
		delays:     wait.Backoff{Duration: 5 * time.Second, Factor: 2, Steps: 10, Cap: 2 * time.Minute},
		registered: make(chan struct{}),
	}, nil
}

// Registered returns a channel that is closed when the kubelet first confirms the registration.
func (r *Registration) Registered() <-chan struct{} { return r.registered }

// Serve answers the kubelet until ctx is done, and then removes the socket, so that the kubelet unregisters the driver. If the
// kubelet refuses the driver, Serve makes a new socket after a while, because some kubelets ask again only if the socket is new.
// Refusals are logged and never returned.
func (r *Registration) Serve(ctx context.Context) error {
	retry := r.delays
	for {
		if err := r.serveOnce(ctx, &retry); err != nil || ctx.Err() != nil {
			return err
		}
		if !r.reopen(ctx, &retry) {
			return nil
		}
	}
}

// reopen reports whether it opened the socket before ctx was done.
func (r *Registration) reopen(ctx context.Context, retry *wait.Backoff) bool {
	for {
		var err error
		if r.listener, err = unixsocket.Listen(ctx, r.path); err == nil {
			return true
		}
		klog.FromContext(ctx).Error(err, "The driver cannot be announced to the kubelet; trying again")
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retry.Step()):
		}
	}
}

// serveOnce serves on the socket until ctx is done, or until the kubelet has refused the driver and has not accepted it within
// the next delay of the backoff. Then it closes the socket.
func (r *Registration) serveOnce(ctx context.Context, retry *wait.Backoff) error {
	answers := &registrationServer{info: r.info, logger: klog.FromContext(ctx), statuses: make(chan bool)}
	server := grpc.NewServer()
	registerapi.RegisterRegistrationServer(server, answers)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(r.listener) }()
	defer server.Stop()
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return fmt.Errorf("serving on %s: %w", r.path, err)
		case registered := <-answers.statuses:
			again = nil
			if registered {
				*retry = r.delays
				r.once.Do(func() { close(r.registered) })
			} else {
				again = time.After(retry.Step())
			}
		case <-again:
			return nil
		}
	}
}

type registrationServer struct {
	registerapi.UnimplementedRegistrationServer
	info     *registerapi.PluginInfo
	logger   klog.Logger
	statuses chan bool
}

// GetInfo describes the driver to the kubelet.
func (s *registrationServer) GetInfo(context.Context, *registerapi.InfoRequest) (*registerapi.PluginInfo, error) {
	return s.info, nil
}

// NotifyRegistrationStatus receives the result of the registration.
func (s *registrationServer) NotifyRegistrationStatus(ctx context.Context, status *registerapi.RegistrationStatus) (*registerapi.RegistrationStatusResponse, error) {
	if status.GetPluginRegistered() {
		s.logger.Info("The kubelet registered the driver", "driver", s.info.GetName(), "kubeletEndpoint", s.info.GetEndpoint())
	} else {
		s.logger.Error(errors.New(status.GetError()), "The kubelet refused the driver; it will be announced again",
			"driver", s.info.GetName(), "kubeletEndpoint", s.info.GetEndpoint())
	}
	select {
	case s.statuses <- status.GetPluginRegistered():
		return &registerapi.RegistrationStatusResponse{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
