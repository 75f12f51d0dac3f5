package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// DriverProcess is a process of the driver.
type DriverProcess struct {
	*Service
	// Endpoint is its socket as unix:///path, which is reachable from everywhere on the host.
	Endpoint string
}

// Controller returns the driver's controller, on the hub.
func (l *Lab) Controller() *DriverProcess {
	return l.driverProcess(l.Hub(), "controller", "controller", "--config", l.ConfigFile(), "--state-dir", l.layout.Path("controller-state"))
}

// NodePlugin returns the driver's node plugin on the i-th client machine.
func (l *Lab) NodePlugin(i int) *DriverProcess {
	name := nodeName(i)
	args := append([]string{"--node-id", name, "--state-dir", l.layout.Path(name, "state"), "--client-cgroup", l.ClientCgroup()}, l.setup.NodeArgs...)
	return l.driverProcess(l.Node(i), name, "node", args...)
}

// ClientCgroup returns the top-level control group of the clients that both node plugins start. It ends with the lab.
func (l *Lab) ClientCgroup() string { return l.layout.ClientCgroup() }

// ConfigFile returns the path of the driver's configuration. Its only backend is the lab's Heketi, named "lab".
func (l *Lab) ConfigFile() string { return l.layout.Path("controller.yaml") }

// NodeDir returns a directory on the i-th client machine for staging and target paths. Its path is the same on the host, but its
// mounts are visible on the machine only.
func (l *Lab) NodeDir(i int) string { return l.layout.Path(nodeName(i), "kubelet") }

func (l *Lab) driverProcess(m *Machine, name, mode string, args ...string) *DriverProcess {
	socket := l.layout.Path("csi", name+".sock")
	endpoint := "unix://" + socket
	args = append([]string{l.setup.Driver, mode, "--endpoint", endpoint, "--v=5"}, args...)
	return &DriverProcess{
		Service: &Service{
			machine: m, name: name, args: append(args, l.setup.DriverArgs...),
			ready: func(ctx context.Context) error { return probe(ctx, endpoint) },
		},
		Endpoint: endpoint,
	}
}

// Start starts the process and waits until it answers CSI's Probe.
func (p *DriverProcess) Start(ctx context.Context) error {
	if p.machine.lab.setup.Driver == "" {
		return errors.New("this lab was started without the driver")
	}
	return p.Service.Start(ctx)
}

// Restart calls Stop and Start.
func (p *DriverProcess) Restart(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Dial connects to the process.
func (p *DriverProcess) Dial() (*grpc.ClientConn, error) { return dialCSI(p.Endpoint) }

func dialCSI(endpoint string) (*grpc.ClientConn, error) {
	return grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func probe(ctx context.Context, endpoint string) error {
	conn, err := dialCSI(endpoint)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer, err := csi.NewIdentityClient(conn).Probe(ctx, &csi.ProbeRequest{})
	if err != nil {
		return err
	}
	if answer.GetReady() != nil && !answer.GetReady().GetValue() {
		return errors.New("it answers that it is not ready")
	}
	return nil
}

func (l *Lab) driverFiles() error {
	config := fmt.Sprintf("backends:\n  - name: lab\n    url: %s\n    user: %s\n    keyFile: %s\n",
		l.Heketi().URL, HeketiUser, l.Heketi().KeyFile())
	return os.WriteFile(l.ConfigFile(), []byte(config), 0o644)
}

func (l *Lab) startDriver(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.Controller().Start(ctx) })
	for i := 1; i <= ClientNodes; i++ {
		group.Go(func() error { return l.NodePlugin(i).Start(ctx) })
	}
	return group.Wait()
}

// hasDriver reports whether the lab was started with the driver.
func (l *Lab) hasDriver() bool { return l.setup.Driver != "" }

// Services lists the server processes of the lab.
func (l *Lab) Services() []*Service {
	if l.BareStorage() {
		return nil
	}
	all := []*Service{l.Heketi().Service}
	if l.hasDriver() {
		all = append(all, l.Controller().Service)
		for i := 1; i <= ClientNodes; i++ {
			all = append(all, l.NodePlugin(i).Service)
		}
	}
	return all
}

// Name returns the name of the process: "heketi", "controller", "node1".
func (s *Service) Name() string { return s.name }
