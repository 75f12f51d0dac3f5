package teardown

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// checkBeforeTeardown is the first step, which checks that nothing would be lost. It returns a client of the
// running Heketi, or nil if none should run, and the servers' pods.
func (t *Teardown) checkBeforeTeardown(ctx context.Context) (running *heketi.Client, pods servers.Pods, err error) {
	if err := t.checkAlone(ctx); err != nil {
		return nil, nil, err
	}
	if pods, err = t.awaitServers(ctx); err != nil {
		return nil, nil, err
	}
	shouldRun, err := t.shouldRun(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !shouldRun { // the third step checks the backup
		return nil, pods, t.checkGlusterAlone(ctx, pods, heketi.Dump{})
	}
	if running, err = t.Client(); err != nil {
		return nil, nil, err
	}
	if err := t.awaitHeketi(ctx, running); err != nil {
		running.Close()
		return nil, nil, err
	}
	if err := t.checkNothingLost(ctx, running, pods); err != nil {
		running.Close()
		return nil, nil, err
	}
	klog.FromContext(ctx).Info("Step 1 of 6: nothing would be lost", "servers", len(pods))
	return running, pods, nil
}

// checkAlone returns ErrRefused while another Job works on the same devices: a setup would add what this Job removes.
func (t *Teardown) checkAlone(ctx context.Context) error {
	other, err := jobs.Other(ctx, t.Kubernetes, t.Namespace, t.Pod, jobs.Setup, jobs.Teardown)
	if err != nil || other == "" {
		return err
	}
	return fmt.Errorf("%w: pod %s of another Job is at work: wait for the end of that Job, or delete it (kubectl -n %s get jobs). If the pod's node is lost, delete the node. Then create this Job again", ErrRefused, other, t.Namespace)
}

// checkStillAlone is checkAlone for the steps that remove something. It also returns an error if Heketi was started again, for
// example by an upgrade of the release.
func (t *Teardown) checkStillAlone(ctx context.Context) error {
	if err := t.checkAlone(ctx); err != nil {
		return err
	}
	replicas, err := t.Kubernetes.Replicas(ctx, t.Namespace, t.StatefulSet)
	if err != nil || replicas == 0 {
		return err
	}
	return fmt.Errorf("%w: Heketi was started again (StatefulSet %s has %d replicas), for example by helm upgrade, and would work on the same devices. To go on, end Heketi with kubectl -n %s scale statefulset/%s --replicas=0, "+
		"and create this Job again: the Job continues where it stopped", ErrRefused, t.StatefulSet, replicas, t.Namespace, t.StatefulSet)
}

// awaitServers waits until each gluster pod is usable, since a node's devices are emptied by commands in its pod. It does not wait
// for a node that was deleted from Kubernetes: such a node is lost for good.
func (t *Teardown) awaitServers(ctx context.Context) (servers.Pods, error) {
	var usable servers.Pods
	err := wait.Until(ctx, t.Timing.Poll, t.Timing.Pods, "Waiting for gluster", func(ctx context.Context) error {
		nodes, err := t.nodeNames(ctx)
		if err != nil {
			return err
		}
		seen, err := servers.FindUsable(ctx, t.Kubernetes, t.Runner, t.Namespace, t.Timing.Answer)
		if err != nil {
			return err
		}
		usable = seen.Usable
		var missing []string
		for _, node := range slices.Sorted(maps.Keys(seen.Unusable)) {
			if slices.Contains(nodes, node) {
				missing = append(missing, fmt.Sprintf("node %s: %s (if the node is lost for good: kubectl delete node %s)", node, seen.Unusable[node], node))
			}
		}
		if seen.Unscheduled != "" {
			missing = append(missing, seen.Unscheduled)
		}
		if len(missing) == 0 && len(usable) == 0 {
			missing = append(missing, "there is no gluster pod: are the storage nodes still labelled?")
		}
		if len(missing) > 0 {
			return errors.New(strings.Join(missing, "; "))
		}
		return nil
	})
	return usable, err
}

func (t *Teardown) nodeNames(ctx context.Context) (names []string, err error) {
	nodes, err := t.Kubernetes.Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of the cluster: %w", err)
	}
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names, nil
}

// shouldRun reports whether there is a Heketi whose database may be newer than its backup.
func (t *Teardown) shouldRun(ctx context.Context) (bool, error) {
	logger := klog.FromContext(ctx)
	replicas, err := t.Kubernetes.Replicas(ctx, t.Namespace, t.StatefulSet)
	if err != nil {
		return false, err
	}
	backup, err := t.store().Load(ctx)
	empty := errors.Is(err, database.ErrEmpty)
	if err != nil && !empty {
		return false, err
	}
	if replicas == 0 {
		logger.Info("Step 1 of 6: Heketi was ended earlier; the backup of its database is used", "takenAt", backup.TakenAt, "empty", empty)
		return false, nil
	}
	phase, err := t.Kubernetes.ClaimPhase(ctx, t.Namespace, t.Claim)
	if err != nil {
		return false, err
	}
	if phase == "" && (empty || backup.Unfinished) {
		logger.Info("Step 1 of 6: Heketi has never run, because the setup was not finished")
		return false, nil
	}
	return true, nil
}

func (t *Teardown) awaitHeketi(ctx context.Context, server *heketi.Client) error {
	err := wait.Until(ctx, t.Timing.Poll, t.Timing.Heketi, "Waiting for Heketi", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, t.Timing.Hello)
		defer cancel()
		_, err := server.Backend().Hello(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("the cluster's Heketi does not answer, and its database may be newer than the backup: bring Heketi up (kubectl -n %s describe pod heketi-0); if that is impossible, "+
			"use the backup instead: kubectl -n %s scale statefulset/%s --replicas=0: %w", t.Namespace, t.Namespace, t.StatefulSet, err)
	}
	return nil
}

// checkNothingLost checks, with the records of the cluster's Heketi, that no data would be lost. If there are volumes, it waits
// for a time, because the driver may still be deleting the volumes of recently deleted claims.
func (t *Teardown) checkNothingLost(ctx context.Context, server *heketi.Client, pods servers.Pods) error {
	logged := false
	for began := time.Now(); ; {
		err := t.checkVolumes(ctx, server, true)
		if err == nil {
			return t.checkServers(ctx, server, pods, true)
		}
		if !errors.Is(err, ErrRefused) || time.Since(began) > t.Timing.Volumes {
			return err
		}
		if !logged {
			klog.FromContext(ctx).Info("There are volumes; waiting in case they are being deleted", "for", t.Timing.Volumes, "why", err.Error())
			logged = true
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.Timing.Poll):
		}
	}
}
