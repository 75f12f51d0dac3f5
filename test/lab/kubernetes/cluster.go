// Package kubernetes runs a real Kubernetes in the lab, beside its GlusterFS nodes and its Heketi: etcd, the API server, the
// controller manager and the scheduler run on the hub; kubelet, kube-proxy and containerd run on each client machine and, if the
// storage machines are bare (lab.Options.BareStorage), also on each storage machine. The programs come from test/e2e/kubernetes.
//
// Pods have DNS only if the storage machines are bare, and only for the names of Services. The lab's Down also ends the cluster.
package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// Options describes the cluster.
type Options struct {
	// Tools is the directory of the programs, as test/e2e/kubernetes/build.sh prints it.
	Tools string
	// Images are archives, and directories of archives, that the workers import; none by default. There is no registry for other
	// images.
	Images []string
	// StorageImages are imported by the storage machines if these are nodes, too (lab.Options.BareStorage).
	StorageImages []string
	// Out receives the progress, one line for each step; it is discarded by default.
	Out io.Writer
}

// Cluster is a running Kubernetes.
type Cluster struct {
	lab   *lab.Lab
	tools string
}

// readyLimit bounds the time from the first answer of the API server until the nodes are ready and the first ServiceAccount
// exists.
const readyLimit = 90 * time.Second

// Up starts Kubernetes in a lab that was started with lab.Options.Workers. It can be called once in a lab's life.
func Up(ctx context.Context, l *lab.Lab, options Options) (*Cluster, error) {
	out := options.Out
	if out == nil {
		out = io.Discard
	}
	tools, err := filepath.Abs(options.Tools)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(tools, "kube-apiserver")); err != nil {
		return nil, fmt.Errorf("the programs of Kubernetes: %w; build them with: make e2e-tools", err)
	}
	images, err := imagesIn(options.Images)
	if err != nil {
		return nil, err
	}
	storageImages, err := imagesIn(options.StorageImages)
	if err != nil {
		return nil, err
	}
	c := &Cluster{lab: l, tools: tools}
	if _, err := os.Stat(c.layout().WorkerDir(c.Node(1).Name)); err != nil {
		return nil, fmt.Errorf("the lab has no workers: %w; start it with lab.Options.Workers", err)
	}
	for _, s := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"Debian packages for Kubernetes", func(ctx context.Context) error { return lab.Install(ctx, out, "kubernetes") }},
		{"certificates and configuration", func(context.Context) error { return errors.Join(c.writeFiles(), c.keepSpareImages(storageImages)) }},
		{"Kubernetes, images on its nodes", func(ctx context.Context) error { return c.start(ctx, images, storageImages) }},
		{"nodes are ready", c.waitReady},
	} {
		begin := time.Now()
		if err := s.run(ctx); err != nil {
			return nil, fmt.Errorf("kubernetes in %s: %s: %w; logs are in %s", l.Dir(), s.name, err, l.LogDir())
		}
		fmt.Fprintf(out, "lab: %-44s %5.1f s\n", s.name, time.Since(begin).Seconds())
	}
	return c, nil
}

// UpWithLab starts a lab and Kubernetes in it. If it fails, nothing is left running.
func UpWithLab(ctx context.Context, labOptions lab.Options, options Options) (*Cluster, error) {
	labOptions.Workers = true
	l, err := lab.Up(ctx, labOptions)
	if err != nil {
		return nil, err
	}
	c, err := Up(ctx, l, options)
	if err != nil {
		return nil, errors.Join(err, lab.End(l.Dir()))
	}
	return c, nil
}

// ErrNone is returned by Open if no Kubernetes was started in the lab.
var ErrNone = errors.New("no Kubernetes was started there")

// Open finds the Kubernetes of a running lab.
func Open(l *lab.Lab) (*Cluster, error) {
	c := &Cluster{lab: l}
	tools, err := os.Readlink(c.path("tools"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", l.Dir(), ErrNone, err)
	}
	c.tools = tools
	return c, nil
}

// OpenIn finds the Kubernetes of the lab that runs in a directory.
func OpenIn(dir string) (*Cluster, error) {
	l, err := lab.Open(dir)
	if err != nil {
		return nil, err
	}
	return Open(l)
}

// start starts everything concurrently: nodes import images while the control plane starts.
func (c *Cluster) start(ctx context.Context, images, storageImages []string) error {
	if err := c.routes(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	served := make(chan struct{})
	group.Go(func() error {
		if err := startAll(ctx, c.Etcd(), c.APIServer()); err != nil {
			return err
		}
		close(served)
		if c.lab.BareStorage() {
			if err := c.DNS().Start(ctx); err != nil {
				return err
			}
		}
		return startAll(ctx, c.ControllerManager(), c.Scheduler())
	})
	for _, node := range c.Nodes() {
		group.Go(func() error {
			if err := node.Containerd().Start(ctx); err != nil {
				return err
			}
			wanted := images
			if node.Storage {
				wanted = storageImages
			}
			if err := node.ImportImages(ctx, wanted...); err != nil {
				return err
			}
			select {
			case <-served:
				return startAll(ctx, node.Kubelet(), node.Proxy())
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return group.Wait()
}

// startAll starts services one after the other.
func startAll(ctx context.Context, services ...*lab.Service) error {
	for _, s := range services {
		if err := s.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waitReady waits until pods can be created: all nodes are ready and the first ServiceAccount exists.
func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.Nodes() {
		group.Go(func() error { return node.WaitReady(ctx) })
	}
	group.Go(func() error {
		_, err := c.Kubectl(ctx, "wait", "--for=create", "--timeout="+readyLimit.String(), "serviceaccount/default")
		return err
	})
	return group.Wait()
}

func (c *Cluster) layout() machine.Layout { return machine.Layout{Dir: c.lab.Dir()} }

// path returns the path of a file of the cluster.
func (c *Cluster) path(elem ...string) string {
	return filepath.Join(append([]string{c.lab.Dir(), "kubernetes"}, elem...)...)
}

// Tool returns the path of one of the programs, which is the same on all machines: kubectl, ginkgo, storage-e2e.test.
func (c *Cluster) Tool(name string) string { return filepath.Join(c.tools, name) }

// Lab is the lab that the cluster runs in.
func (c *Cluster) Lab() *lab.Lab { return c.lab }
