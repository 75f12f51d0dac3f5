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
	// noticeTime is for the node plugin to see what containers have mounted, with which client.
	noticeTime = 2 * time.Second
	// gapTime is how long a change of a graph may have consequences: see glusterlab.
	gapTime = 3 * time.Second
)

// clientsKilled kills the client of a volume that two pods on node1 use, again and again.
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

// killedWhilePluginDown kills the driver on node1, and the clients of pods there before the kubelet starts it again.
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

// clientsReplaced waits until there are as many clients as before, of the same volumes on the same nodes, and expects them from now on.
func (r *Rig) clientsReplaced(ctx context.Context) error {
	return eventually(ctx, time.Minute, func() error {
		now, err := r.clientsOf(ctx)
		if err != nil {
			return err
		}
		want := volumesOf(r.clients)
		// Those of pods that come and go are left out.
		now = slices.DeleteFunc(now, func(client string) bool { return !slices.Contains(want, volumeOf(client)) })
		if got := volumesOf(now); !slices.Equal(got, want) {
			return fmt.Errorf("there are clients of %q, want %q", got, want)
		}
		r.clients = now
		return nil
	})
}

// volumesOf returns node and volume of each client, sorted.
func volumesOf(clients []string) []string {
	volumes := make([]string, 0, len(clients))
	for _, client := range clients {
		volumes = append(volumes, volumeOf(client))
	}
	slices.Sort(volumes)
	return volumes
}

// volumeOf returns node and volume of a client, of which clientsOf has node, process and arguments.
func volumeOf(client string) string {
	node, args, _ := strings.Cut(client, " ")
	for arg := range strings.FieldsSeq(args) {
		if volume, ok := strings.CutPrefix(arg, "--volfile-id=/"); ok {
			return node + " " + volume
		}
	}
	return node
}

// optionSet changes an option of the volumes of all pods, and changes it back.
func optionSet(ctx context.Context, r *Rig) error {
	for _, claim := range []string{first, second} {
		if err := r.changeOption(ctx, claim, "performance.quick-read"); err != nil {
			return err
		}
	}
	return nil
}

// volumesExpanded asks for a GiB more in the claims of all pods.
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

// claimSize returns the size of a claim's volume in GiB, as its status has it.
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
