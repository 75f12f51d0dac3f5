package kube

import (
	"context"
	"fmt"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	hanging "github.com/glusterfs-csi/glusterfs-csi/test/chaos/hung"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// Hang makes the client of a volume hang until wake is called. Only an idle pod has that volume.
func (r *Rig) Hang(ctx context.Context) (wake func(error) error, err error) {
	ask := func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, _ = csi.NewNodeClient(r.conn).NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: "any", VolumePath: r.idle})
	}
	r.hanging = true
	end, err := hanging.Hang(ctx, r.cluster.Lab(), r.cluster.Node(1).Machine, r.volumes[hung], ask)
	return func(err error) error {
		r.hanging = false
		return end(err)
	}, err
}

// dialPlugin connects to the socket of the node plugin on node1, whichever pod serves the socket. Calls wait until a pod does.
func (r *Rig) dialPlugin(ctx context.Context) error {
	pid, err := r.cluster.Node(1).Machine.Pid(ctx)
	if err != nil {
		return err
	}
	endpoint := fmt.Sprintf("unix:///proc/%d/root/var/lib/kubelet/plugins/%s/csi.sock", pid, driver.Name)
	r.conn, err = grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond},
		}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		return err
	}
	uid, err := r.kubectl(ctx, "get", "pod", idlerName, "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		return err
	}
	pv, err := r.kubectl(ctx, "get", "pvc", hung, "-o", "jsonpath={.spec.volumeName}")
	r.idle = fmt.Sprintf("/var/lib/kubelet/pods/%s/volumes/kubernetes.io~csi/%s/mount", uid, pv)
	return err
}

// glusterVolume returns the name of a claim's gluster volume.
func (r *Rig) glusterVolume(ctx context.Context, claim string) (string, error) {
	pv, err := r.kubectl(ctx, "get", "pvc", claim, "-o", "jsonpath={.spec.volumeName}")
	if err != nil {
		return "", err
	}
	return r.kubectl(ctx, "get", "pv", pv, "-o", "jsonpath={.spec.csi.volumeAttributes.volume}")
}
