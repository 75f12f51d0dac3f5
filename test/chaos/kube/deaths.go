package kube

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	hanging "github.com/glusterfs-csi/glusterfs-csi/test/chaos/hung"
)

const (
	// noticeTime is how long the node plugin may take to see a container's mounts and their clients.
	noticeTime = 2 * time.Second
	// gapTime is how long a graph change may have consequences: see glusterlab.
	gapTime = 3 * time.Second
)

// clientsKilled repeatedly kills the client of a volume that two pods on node1 use.
func clientsKilled(times int) func(context.Context, *Rig) error {
	return repeated(times, func(ctx context.Context, r *Rig) error {
		if err := hanging.Signal(ctx, r.cluster.Node(1).Machine, r.volumes[first], "KILL"); err != nil {
			return err
		}
		err := r.Apps().Progress(ctx)
		if err == nil {
			err = r.clientsReplaced(ctx)
		}
		wait(ctx, noticeTime)
		return err
	})
}

// killedWhilePluginDown kills the driver on node1, and, before the kubelet starts it again, the clients of pods there.
func killedWhilePluginDown(ctx context.Context, r *Rig) error {
	old, err := r.pluginOn(ctx, "node1")
	if err != nil {
		return err
	}
	pid, err := r.driverPid(ctx)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, claim := range []string{first, second} {
		if err == nil {
			err = hanging.Signal(ctx, r.cluster.Node(1).Machine, r.volumes[claim], "KILL")
		}
	}
	if err == nil {
		err = r.restarted(ctx, "node1", old, "")
	}
	if err == nil {
		err = r.Apps().Progress(ctx)
	}
	if err == nil {
		err = r.clientsReplaced(ctx)
	}
	return err
}

// clientsReplaced waits until there are as many clients as before, of the same volumes on the same nodes. From then on, these are
// the expected clients.
func (r *Rig) clientsReplaced(ctx context.Context) error {
	return eventually(ctx, time.Minute, func() error {
		now, err := r.clientsOf(ctx)
		if err != nil {
			return err
		}
		want := volumesOf(r.clients)
		// Clients of short-lived pods are left out.
		now = slices.DeleteFunc(now, func(client string) bool { return !slices.Contains(want, volumeOf(client)) })
		if got := volumesOf(now); !slices.Equal(got, want) {
			return fmt.Errorf("there are clients of %q, want %q", got, want)
		}
		r.clients = now
		return nil
	})
}

// volumesOf returns the node and volume of each client, sorted.
func volumesOf(clients []string) []string {
	volumes := make([]string, 0, len(clients))
	for _, client := range clients {
		volumes = append(volumes, volumeOf(client))
	}
	slices.Sort(volumes)
	return volumes
}

// volumeOf returns the node and volume of a client, from the node, process and arguments that clientsOf returns.
func volumeOf(client string) string {
	node, args, _ := strings.Cut(client, " ")
	for arg := range strings.FieldsSeq(args) {
		if volume, ok := strings.CutPrefix(arg, "--volfile-id=/"); ok {
			return node + " " + volume
		}
	}
	return node
}

// optionSet changes an option of all pods' volumes, and changes it back.
func optionSet(ctx context.Context, r *Rig) error {
	for _, claim := range []string{first, second} {
		if err := r.changeOption(ctx, claim, "performance.quick-read"); err != nil {
			return err
		}
	}
	return nil
}

// volumesExpanded requests one GiB more in the claims of all pods.
func volumesExpanded(ctx context.Context, r *Rig) error {
	for _, claim := range []string{first, second} {
		size, err := r.claimSize(ctx, claim)
		if err != nil {
			return err
		}
		patch := fmt.Sprintf(`{"spec":{"resources":{"requests":{"storage":"%dGi"}}}}`, size+1)
		if _, err := r.kubectl(ctx, "patch", "pvc", claim, "--type=merge", "--patch="+patch); err != nil {
			return err
		}
		err = eventually(ctx, 5*time.Minute, func() error {
			now, err := r.claimSize(ctx, claim)
			if err == nil && now <= size {
				err = fmt.Errorf("claim %s has %d GiB, want %d", claim, now, size+1)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	wait(ctx, gapTime)
	return nil
}

// claimSize returns the size of a claim's volume in GiB, from the claim's status.
func (r *Rig) claimSize(ctx context.Context, claim string) (int, error) {
	text, err := r.kubectl(ctx, "get", "pvc", claim, "-o", "jsonpath={.status.capacity.storage}")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSuffix(text, "Gi"))
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
