package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// bootstrap is the fifth step. A temporary Heketi makes the volume on which the real one keeps its database, and the database
// goes there by way of its backup.
func (s *Setup) bootstrap(ctx context.Context, t topology.Topology, r reach) error {
	if err := s.checkEnough(t, r); err != nil {
		return err
	}
	options := s.temporary()
	if err := options.Prepare(ctx, s.store()); err != nil {
		return err
	}
	h, err := options.Start(ctx)
	if err != nil {
		return err
	}
	defer h.End()
	if err := s.makeVolume(ctx, h.Client, t, r); err != nil {
		return err
	}
	finished := database.Saver{From: h.Client, To: s.store()}
	if err := finished.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// makeVolume loads the topology and makes the volume, while each change of the database is backed up: if the pod is lost, the
// next one goes on from there.
func (s *Setup) makeVolume(ctx context.Context, server *heketi.Client, t topology.Topology, r reach) (err error) {
	if err := s.checkPending(ctx, server, r.pods); err != nil {
		return err
	}
	saver := &database.Saver{From: server, To: s.store(), Unfinished: true}
	// Before anything is made, so that no later run takes an unfinished volume for a finished one.
	if err := saver.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { database.Watch(watching, s.temporary().Database(), s.Timing.Backup, saver.Save) })
	defer func() {
		stop()
		watch.Wait()
		if err != nil {
			s.saveLast(ctx, saver)
		}
	}()

	if err := temporary.CleanUp(ctx, server); err != nil {
		return err
	}
	result, loadErr := s.loader(server, r).Load(ctx, t)
	if loadErr != nil {
		// The last step fails with it, when there is a Heketi that can be asked. Until then, what is there may be enough.
		klog.FromContext(ctx).Error(loadErr, "Not all of the topology could be loaded")
	}
	return errors.Join(s.ensureVolume(ctx, server, t.Without(r.absent), result.Clusters, r.pods), ctx.Err())
}

// saveLast backs up what was changed last, if the run ends before the watch could do it: the file is lost with the pod.
func (s *Setup) saveLast(ctx context.Context, saver *database.Saver) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timing.Last)
	defer cancel()
	if err := saver.Save(last); err != nil {
		klog.FromContext(ctx).Error(err, "The last changes of the database are not backed up")
	}
}

// checkPending fails if the clean-up would delete volumes that gluster has: Heketi undoes their creation, and its database may be
// an older copy from the midst of a creation that has ended well since then. The volume of the database is none of them: isMade
// has found that gluster lacks it, or that no Heketi has used it.
func (s *Setup) checkPending(ctx context.Context, server *heketi.Client, pods servers.Pods) error {
	dump, err := server.Dump(ctx)
	if err != nil {
		return err
	}
	there, err := pods.Volumes(ctx, s.Runner)
	if err != nil {
		return err
	}
	var names []string
	for _, v := range dump.Volumes {
		if v.Pending != "" && v.Name != s.Volume.Name && slices.Contains(there, v.Name) {
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("the backup in Secret %s has volumes that were being made or removed when it was taken, and gluster has them: %s. Heketi would delete them with their data. "+
		"Copy a newer or older backup (Secrets %s-0, -1 ...) into the Secret, or, if nothing on the volumes is needed, delete them in gluster; then delete the pod of this Job",
		database.SecretName, strings.Join(names, ", "), database.SecretName)
}
