package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

// bootstrap is the fifth step. A temporary Heketi makes the volume on which the real one keeps its database, and the database
// goes there by way of its backup.
func (s *Setup) bootstrap(ctx context.Context, t topology.Topology, pods podsByNode) error {
	if _, err := t.ForReplica(s.Volume.Replica); err != nil {
		return err
	}
	if err := s.prepareDatabase(ctx); err != nil {
		return err
	}
	c, err := s.startHeketi(ctx)
	if err != nil {
		return err
	}
	defer c.end(s.Timing.Child)
	server, err := heketi.NewClient(heketi.BackendConfig{Name: "temporary", URL: c.url}, s.Key, heketi.DefaultTiming())
	if err != nil {
		return err
	}
	defer server.Close()
	if err := s.awaitChild(ctx, c, server); err != nil {
		return err
	}
	if err := s.makeVolume(ctx, server, t, pods); err != nil {
		return err
	}
	finished := database.Saver{From: server, To: s.store()}
	if err := finished.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// prepareDatabase puts the backup of an earlier run, in another pod, where this one begins. Without one, Heketi makes a new database.
func (s *Setup) prepareDatabase(ctx context.Context) error {
	logger := klog.FromContext(ctx)
	path := s.databaseFile()
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() > 0:
		logger.Info("A temporary Heketi goes on with the database of an earlier run of this pod", "file", path)
		return nil
	case err == nil: // one that was killed at once
		err = os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	backup, err := s.store().Load(ctx)
	if errors.Is(err, database.ErrEmpty) {
		logger.Info("A temporary Heketi begins with an empty database", "file", path)
		return nil
	}
	if err != nil {
		return err
	}
	logger.Info("A temporary Heketi begins with the backup of its database", "file", path, "takenAt", backup.TakenAt)
	return database.Write(backup, path)
}

func (s *Setup) awaitChild(ctx context.Context, c *child, server *heketi.Client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.done:
			cancel(fmt.Errorf("the temporary Heketi has ended: %w; its log above says why", c.err))
		case <-ctx.Done():
		}
	}()
	return s.await(ctx, s.Timing.Child, func(ctx context.Context) error { return s.hello(ctx, server) }, "Waiting for the temporary Heketi")
}

// makeVolume loads the topology and makes the volume, while each change of the database is backed up: if the pod is lost, the
// next one goes on from there.
func (s *Setup) makeVolume(ctx context.Context, server *heketi.Client, t topology.Topology, pods podsByNode) error {
	saver := &database.Saver{From: server, To: s.store(), Unfinished: true}
	// Before anything is made, so that no later run takes an unfinished volume for a finished one.
	if err := saver.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { database.Watch(watching, s.databaseFile(), s.Timing.Backup, saver.Save) })
	defer func() { stop(); watch.Wait() }()

	if err := cleanUp(ctx, server); err != nil {
		return err
	}
	result, loadErr := s.loader(server, pods).Load(ctx, t)
	if loadErr != nil {
		// The last step fails with it, when there is a Heketi that can be asked. Until then, what is there may be enough.
		klog.FromContext(ctx).Error(loadErr, "Not all of the topology could be loaded")
	}
	return errors.Join(s.ensureVolume(ctx, server, t, result.Clusters, pods), ctx.Err())
}

// cleanUp has Heketi undo what an interrupted run has left behind: a volume that is half made keeps its name.
func cleanUp(ctx context.Context, server *heketi.Client) error {
	operations, err := server.Operations(ctx)
	if err != nil {
		return err
	}
	for _, op := range operations {
		klog.FromContext(ctx).Info("Heketi undoes what was interrupted", "operation", op.Type, "id", op.ID)
		if err := server.CleanUp(ctx, op.ID); err != nil {
			return fmt.Errorf("undo an interrupted %s: %w", op.Type, err)
		}
	}
	return nil
}
