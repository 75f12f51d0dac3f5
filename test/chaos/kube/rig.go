// Package kube runs rounds of chaos on a real Kubernetes, where a node plugin is a pod of the DaemonSet.
package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// Rig is a Kubernetes with the driver, and pods that use volumes.
type Rig struct {
	cluster  *kubernetes.Cluster
	driver   *driver.Driver
	previous string // archive of the image that stands for an earlier version
	statuses string // directory of the workloads' statuses

	pods    []*pod
	volumes map[string]string // gluster volumes by claim
	conn    *grpc.ClientConn  // to the node plugin of node1
	idle    string            // the kubelet's path on node1 of the volume whose client hangs in half of the rounds
	hanging bool              // whether that client hangs
	clients []string          // of all pods
	before  strays.Snapshot   // of the nodes, without volumes
}

// namespace holds all pods and claims.
const namespace = "chaos"

// Claims of pods. The client of hung is stopped in half of the rounds; short-lived pods use spare.
const (
	first  = "first"
	second = "second"
	hung   = "hung"
	spare  = "spare"
)

// Begin prepares volumes and pods. A node plugin with the previous image starts the pods' clients, and is then replaced by one
// with the present image. images is the output directory of "make e2e-images". The driver must be installed.
func Begin(ctx context.Context, c *kubernetes.Cluster, d *driver.Driver, images string) (*Rig, error) {
	r := &Rig{
		cluster: c, driver: d, previous: filepath.Join(images, "previous", "node.tar"), volumes: map[string]string{},
		statuses: filepath.Join(c.Lab().LogDir(), "workloads"),
	}
	return r, r.begin(ctx)
}

func (r *Rig) begin(ctx context.Context) error {
	if err := os.MkdirAll(r.statuses, 0o755); err != nil {
		return err
	}
	err := r.importPrevious(ctx)
	if err == nil {
		r.before, err = r.snapshot(ctx)
	}
	if err == nil {
		err = r.rollTo(ctx, previousTag)
	}
	if err == nil {
		err = r.startAll(ctx)
	}
	if err == nil {
		err = r.dialPlugin(ctx)
	}
	if err == nil {
		r.clients, err = r.clientsOf(ctx)
	}
	if want := 4; err == nil && len(r.clients) != want {
		err = fmt.Errorf("there are %d clients, want %d: %v", len(r.clients), want, r.clients)
	}
	if err == nil {
		err = r.rollTo(ctx, "")
	}
	if err == nil {
		err = r.Apps().Progress(ctx)
	}
	return err
}

// startAll creates claims and pods.
func (r *Rig) startAll(ctx context.Context) error {
	claims := []string{first, second, hung, spare}
	manifests := "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + namespace + "}\n" +
		claim(first) + claim(second) + claim(hung) + claim(spare) + idler()
	if err := r.cluster.Apply(ctx, manifests); err != nil {
		return err
	}
	for _, p := range []*pod{
		{name: "first-follows", claim: first, node: "node1", propagation: "HostToContainer"},
		{name: "first-alone", claim: first, node: "node1", propagation: "None"},
		{name: "second-alone", claim: second, node: "node1", propagation: "None"},
		{name: "second-elsewhere", claim: second, node: "node2", propagation: "HostToContainer"},
	} {
		if err := r.start(ctx, p); err != nil {
			return fmt.Errorf("pod %s: %w", p.name, err)
		}
		r.pods = append(r.pods, p)
	}
	if _, err := r.kubectl(ctx, "wait", "--for=condition=Ready", patience, "pod/"+idlerName); err != nil {
		return err
	}
	for _, name := range claims {
		var err error
		if r.volumes[name], err = r.glusterVolume(ctx, name); err != nil {
			return err
		}
		// See newestWins in package glusterlab.
		if _, err := outside.Gluster(ctx, r.cluster.Lab().Storage(2), "volume", "set", r.volumes[name], "cluster.favorite-child-policy", "mtime"); err != nil {
			return err
		}
	}
	return nil
}

// Where returns the name of the rig in reports.
func (r *Rig) Where() string { return report.Kubernetes }

// Apps returns the workloads of all pods.
func (r *Rig) Apps() apps.All {
	all := make(apps.All, len(r.pods))
	for i, p := range r.pods {
		all[i] = p.App
	}
	return all
}

// clientsOf lists all clients of both nodes.
func (r *Rig) clientsOf(ctx context.Context) ([]string, error) {
	var all []string
	for _, node := range r.cluster.Nodes() {
		found, err := outside.Clients(ctx, node.Machine, "")
		if err != nil {
			return nil, err
		}
		for _, client := range found {
			all = append(all, node.Name+" "+client.String())
		}
	}
	slices.Sort(all)
	return all, nil
}

// Settle waits until the clients are the same as at the beginning, and counts files beneath mount points.
func (r *Rig) Settle(ctx context.Context) (int, error) {
	err := r.clientsAre(ctx, r.clients)
	beneath, walkErr := r.beneath()
	inside, findErr := r.findInside(ctx, "-print")
	return beneath + inside, errors.Join(err, walkErr, findErr)
}

func (r *Rig) clientsAre(ctx context.Context, want []string) error {
	return eventually(ctx, time.Minute, func() error {
		found, err := r.clientsOf(ctx)
		if err == nil && !slices.Equal(found, want) {
			err = fmt.Errorf("the clients are %q, want %q", found, want)
		}
		return err
	})
}

// eventually retries until the limit.
func eventually(ctx context.Context, limit time.Duration, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %w", limit, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// patience bounds what Kubernetes does by itself: a kubelet repeats a failed mount after up to two minutes.
const patience = "--timeout=5m"

func (r *Rig) kubectl(ctx context.Context, args ...string) (string, error) {
	return r.cluster.Kubectl(ctx, append([]string{"--namespace=" + namespace}, args...)...)
}
