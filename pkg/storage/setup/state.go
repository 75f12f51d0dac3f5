package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/wait"
)

// isMade is the fourth step, for an installation that has no Heketi and no claim for its database. It reports whether the
// database's volume exists and is complete: an earlier run may have begun to create it and not finished.
func (s *Setup) isMade(ctx context.Context, pods servers.Pods) (bool, error) {
	unfinished, err := s.unfinished(ctx)
	if err != nil || unfinished {
		return false, err
	}
	return s.volumeExists(ctx, pods)
}

// unfinished reports whether an earlier run was interrupted while it made the volume. Only the backup decides, because the
// database file of a temporary Heketi may be left from before another pod finished the setup. If no run is unfinished, the file is
// removed.
func (s *Setup) unfinished(ctx context.Context) (bool, error) {
	backup, err := s.store().Load(ctx)
	if err != nil && !errors.Is(err, database.ErrEmpty) || backup.Unfinished {
		return true, err
	}
	if err := os.Remove(s.temporary().Database()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return false, nil
}

func (s *Setup) store() database.Store {
	return database.Store{Secrets: s.Kubernetes, Namespace: s.Namespace, Name: database.SecretName}
}

// volumeExists reports whether one of the servers has the volume, even if others do not answer.
func (s *Setup) volumeExists(ctx context.Context, pods servers.Pods) (bool, error) {
	names, err := pods.Volumes(ctx, s.Runner)
	if slices.Contains(names, s.Volume.Name) {
		return true, nil
	}
	return false, err
}

// createClaim creates the claim for which the chart's PersistentVolume is reserved.
func (s *Setup) createClaim(ctx context.Context) error {
	return s.Kubernetes.CreateClaim(ctx, kube.Claim{
		Namespace: s.Namespace, Name: s.Claim, Volume: s.Namespace + "-" + s.Volume.Name,
		AccessMode: "ReadWriteOncePod", Size: fmt.Sprintf("%dGi", s.Volume.SizeGiB),
		Labels: map[string]string{"app.kubernetes.io/name": "glusterfs-storage", "app.kubernetes.io/component": "heketi"},
	})
}

// hello asks once whether there is a Heketi.
func (s *Setup) hello(ctx context.Context, server *heketi.Client) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timing.Hello)
	defer cancel()
	_, err := server.Backend().Hello(ctx)
	return err
}

// awaitHeketi waits for the cluster's Heketi. The error includes the reason why Heketi's pod is not ready.
func (s *Setup) awaitHeketi(ctx context.Context, server *heketi.Client) error {
	return wait.Until(ctx, s.Timing.Poll, s.Timing.Heketi, "Waiting for Heketi", func(ctx context.Context) error {
		err := s.hello(ctx, server)
		if err == nil {
			return nil
		}
		reasons := []string{err.Error()}
		if phase, err := s.Kubernetes.ClaimPhase(ctx, s.Namespace, s.Claim); err == nil && phase != "Bound" {
			reasons = append(reasons, fmt.Sprintf("claim %s: %s", s.Claim, phase))
		}
		pods, listErr := s.Kubernetes.Pods(ctx, s.Namespace, jobs.Heketi)
		if listErr == nil && len(pods) == 0 {
			reasons = append(reasons, "there is no pod of Heketi")
		}
		for _, pod := range pods {
			if !pod.Ready {
				reasons = append(reasons, fmt.Sprintf("pod %s is not ready: %s", pod.Name, pod.Why))
			}
		}
		return errors.New(strings.Join(reasons, "; "))
	})
}
