package temporary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

// Database returns the path of the database.
func (o Options) Database() string { return filepath.Join(o.Dir, "heketi.db") }

// Prepare puts the database of an earlier run in place: the file of this pod's earlier run, or the backup. Without either, Heketi
// creates a new database.
func (o Options) Prepare(ctx context.Context, from database.Store) error {
	logger := klog.FromContext(ctx)
	path := o.Database()
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() > 0:
		logger.Info("A temporary Heketi continues with the database of an earlier run of this pod", "file", path)
		return nil
	case err == nil: // an empty file of a Heketi that was killed at once
		err = os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	backup, err := from.Load(ctx)
	if errors.Is(err, database.ErrEmpty) {
		logger.Info("A temporary Heketi starts with an empty database", "file", path)
		return nil
	}
	if err != nil {
		return err
	}
	logger.Info("A temporary Heketi starts with the backup of its database", "file", path, "takenAt", backup.TakenAt)
	return database.Write(backup, path)
}

// CleanUp makes Heketi undo operations that an interrupted run has left behind. Otherwise the name of a half-made volume would
// stay in use.
func CleanUp(ctx context.Context, server *heketi.Client) error {
	operations, err := server.Operations(ctx)
	if err != nil {
		return err
	}
	for _, op := range operations {
		klog.FromContext(ctx).Info("Heketi undoes an interrupted operation", "operation", op.Type, "id", op.ID)
		if err := server.CleanUp(ctx, op.ID); err != nil {
			return fmt.Errorf("undo an interrupted %s: %w", op.Type, err)
		}
	}
	return nil
}
