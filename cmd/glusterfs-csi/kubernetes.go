package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/registration"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
)

// registrationOptions hold the flags for registering the driver with this node's kubelet.
type registrationOptions struct {
	dir             string // "" if node-driver-registrar registers the driver, or if there is no kubelet
	kubeletEndpoint string
}

func (o *registrationOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.dir, "registration-dir", "", "the kubelet's directory plugins_registry, in which the driver registers itself; without this flag, run node-driver-registrar (default off)")
	flags.StringVar(&o.kubeletEndpoint, "kubelet-endpoint", "", "with --registration-dir: path of the CSI socket as the kubelet sees it, as in /var/lib/kubelet/plugins/"+driver.DefaultName+"/csi.sock")
}

func (o *registrationOptions) check(driverName string) error {
	switch {
	case o.dir == "" && o.kubeletEndpoint == "":
		return nil
	case o.dir == "":
		return errors.New("--kubelet-endpoint has no meaning without --registration-dir: write both, or none and run node-driver-registrar")
	case !filepath.IsAbs(o.dir):
		return fmt.Errorf("--registration-dir=%s: write an absolute path, as in /registration", o.dir)
	case o.kubeletEndpoint == "":
		return errors.New("--kubelet-endpoint is missing: --registration-dir needs the path of the CSI socket as the kubelet sees it")
	case !filepath.IsAbs(o.kubeletEndpoint):
		return fmt.Errorf("--kubelet-endpoint=%s: write an absolute path, without unix://", o.kubeletEndpoint)
	}
	if _, err := unixsocket.Path(registration.Socket(o.dir, driverName)); err != nil {
		return fmt.Errorf("--registration-dir: %w", err)
	}
	return nil
}

// newKubernetesClient returns a client for the flags that need the Kubernetes API.
func newKubernetesClient(o options) (*kube.Client, error) {
	client, err := kube.NewClient(o.kubeconfig)
	switch {
	case err == nil:
		return client, nil
	case o.kubeconfig == "":
		return nil, fmt.Errorf("--kubeconfig is missing: --report-orphans, --annotate-pv-gid, --publish-capacity, --events and --remove-agent-not-ready-taint need the Kubernetes API: %w", err)
	default:
		return nil, fmt.Errorf("--kubeconfig=%s: %w", o.kubeconfig, err)
	}
}

// kubernetesTasks returns the tasks that use the Kubernetes API, to run beside the CSI server until their context is done. With
// --registration-dir, it opens the registration socket. The CSI socket must be listening by then, because the kubelet may call the
// driver at once; such calls wait until the CSI server accepts them. No CSI call may depend on a task.
func kubernetesTasks(ctx context.Context, o options, p *provisioner.Provisioner) (tasks []func(context.Context) error, err error) {
	var client *kube.Client
	if o.annotateGIDs || o.removeTaint || o.capacity.interval > 0 {
		if client, err = newKubernetesClient(o); err != nil {
			return nil, err
		}
	}
	if o.annotateGIDs {
		tasks = append(tasks, func(ctx context.Context) error {
			client.AnnotateGIDs(ctx, o.driverName)
			return nil
		})
	}
	if o.capacity.interval > 0 {
		tasks = append(tasks, func(ctx context.Context) error {
			client.PublishCapacity(ctx, o.capacity.publication(o.driverName, p))
			return nil
		})
	}
	var announced *registration.Registration
	if o.registration.dir != "" {
		announced, err = registration.Open(ctx, o.registration.dir, o.driverName, o.registration.kubeletEndpoint)
		if err != nil {
			return nil, fmt.Errorf("--registration-dir=%s: %w", o.registration.dir, err)
		}
		tasks = append(tasks, announced.Serve)
	}
	if o.removeTaint {
		tasks = append(tasks, func(ctx context.Context) error {
			if announced != nil {
				select {
				case <-announced.Registered():
				case <-ctx.Done():
					return nil
				}
			}
			client.RemoveNotReadyTaint(ctx, o.driverName, o.nodeID)
			return nil
		})
	}
	return tasks, nil
}
