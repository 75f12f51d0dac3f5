package teardown

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// endHeketi is the second step: it brings the backup up to date with the database, and ends the cluster's Heketi for good, since
// two Heketis must not work on the same devices. The parameter running is nil if the database is not in use.
func (t *Teardown) endHeketi(ctx context.Context, running *heketi.Client) error {
	if running != nil {
		last := database.Saver{From: running, To: t.store(), Program: t.Program}
		if err := last.Save(ctx); err != nil {
			return err
		}
	}
	replicas, err := t.Kubernetes.Replicas(ctx, t.Namespace, t.StatefulSet)
	if err != nil {
		return err
	}
	if replicas > 0 {
		if err := t.Kubernetes.SetReplicas(ctx, t.Namespace, t.StatefulSet, 0); err != nil {
			return err
		}
	}
	err = wait.Until(ctx, t.Timing.Poll, t.Timing.Gone, "Waiting for Heketi's end", func(ctx context.Context) error {
		pods, err := t.Kubernetes.Pods(ctx, t.Namespace, jobs.Heketi)
		if err != nil {
			return err
		}
		var names []string
		for _, pod := range pods {
			names = append(names, fmt.Sprintf("pod %s is still there: %s", pod.Name, pod.Why))
		}
		if len(names) > 0 {
			return errors.New(strings.Join(names, "; "))
		}
		return nil
	})
	if err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Step 2 of 6: the database is backed up, and Heketi has ended", "secret", t.store().Name, "statefulSet", t.StatefulSet)
	return nil
}

// deleteClaimAndBackup is the last step. It removes the backup last, since an interrupted run continues from the backup.
func (t *Teardown) deleteClaimAndBackup(ctx context.Context) error {
	if err := t.Kubernetes.DeleteClaim(ctx, t.Namespace, t.Claim); err != nil {
		return err
	}
	err := wait.Until(ctx, t.Timing.Poll, t.Timing.Gone, "Waiting for the end of the claim", func(ctx context.Context) error {
		phase, err := t.Kubernetes.ClaimPhase(ctx, t.Namespace, t.Claim)
		if err == nil && phase != "" {
			err = fmt.Errorf("claim %s is %s: does a pod still use it?", t.Claim, phase)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := t.store().Clear(ctx); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Step 6 of 6: deleted the claim, and emptied the backup of Heketi's database", "claim", t.Claim, "secret", t.store().Name)
	return nil
}

// sayWhatRemains logs the remaining steps, which a Job of the release cannot or must not take itself.
func (t *Teardown) sayWhatRemains(ctx context.Context) {
	logger := klog.FromContext(ctx)
	if len(t.left) == 0 {
		logger.Info("Nothing is left on the devices. Complete the remaining steps, in this order")
	} else {
		logger.Info("Nothing is left on the devices, except on lost ones. Complete the remaining steps, in this order")
	}
	for _, l := range t.left {
		logger.Info("Remains", "what", l.what()+"; if it comes back, run this on the node", "do", l.todo(t.Directories))
	}
	if t.recordLeft {
		logger.Info("Remains", "what", fmt.Sprintf("gluster's record of volume %s and of the lost nodes, in the directories below; the record comes back unless these directories are removed on all storage nodes before GlusterFS runs there again", t.Volume))
	}
	for _, todo := range [][2]string{
		{"the release", fmt.Sprintf("helm uninstall %s --namespace %s", t.Release, t.Namespace)},
		{"the PersistentVolume of Heketi's database", fmt.Sprintf("kubectl delete pv %s-%s", t.Namespace, t.Volume)},
		{"keys and older backups, which are Secrets", "kubectl delete namespace " + t.Namespace},
		{"directories, on each storage node", "rm -r " + strings.Join(t.Directories, " ")},
		{"the label of the storage nodes", fmt.Sprintf("kubectl label nodes -l %s %s-", t.NodeLabel, labelKey(t.NodeLabel))},
	} {
		logger.Info("Remains", "what", todo[0], "do", todo[1])
	}
}

func labelKey(label string) string {
	key, _, _ := strings.Cut(label, "=")
	return key
}
