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
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// bootstrap is the fifth step. A temporary Heketi creates the volume for the database of the cluster's Heketi. The temporary
// Heketi's database is backed up, and the pod of the cluster's Heketi restores the backup onto the volume.
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
	defer h.Stop()
	if err := s.makeVolume(ctx, h.Client, t, r); err != nil {
		return err
	}
	finished := database.Saver{From: h.Client, To: s.store(), Program: s.Program}
	if err := finished.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// makeVolume loads the topology and creates the volume. It backs up each change of the database, so that the next pod can
// continue if this one is lost.
func (s *Setup) makeVolume(ctx context.Context, server *heketi.Client, t topology.Topology, r reach) (err error) {
	for _, check := range []func(context.Context, *heketi.Client, reach) error{s.checkPending, s.checkEarlier, s.checkInterrupted} {
		if err := check(ctx, server, r); err != nil {
			return err
		}
	}
	saver := &database.Saver{From: server, To: s.store(), Program: s.Program, Unfinished: true}
	// Save an unfinished copy before anything is made, so that no later run takes an unfinished volume for a finished one.
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
		// The last step reports this error again, once there is a Heketi to ask. Until then, the loaded part may be enough.
		klog.FromContext(ctx).Error(loadErr, "Not all of the topology could be loaded")
	}
	if err := s.avoidAbsent(ctx, server, r); err != nil {
		return err
	}
	if err := s.ensureVolume(ctx, server, t.Without(r.absent), result.Clusters, r.pods); err != nil {
		return err
	}
	return errors.Join(s.avoidNone(ctx, server), ctx.Err())
}

// saveLast backs up the last changes if the run ends before the watch has saved them: the database file is lost with the pod.
func (s *Setup) saveLast(ctx context.Context, saver *database.Saver) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timing.Last)
	defer cancel()
	if err := saver.Save(last); err != nil {
		klog.FromContext(ctx).Error(err, "The last changes of the database are not backed up")
	}
}

// checkPending returns an error if the clean-up would delete volumes that gluster has. Heketi undoes unfinished creations, and
// its database may be an older copy, taken during a creation that has since succeeded. The volume of the database itself is not
// checked: isMade has found that gluster lacks it, or that no Heketi has used it.
func (s *Setup) checkPending(ctx context.Context, server *heketi.Client, r reach) error {
	dump, err := server.Dump(ctx)
	if err != nil {
		return err
	}
	there, err := r.pods.Volumes(ctx, s.Runner)
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
