package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

type restoreOptions struct {
	allowEmpty bool
	program    string
	database   databaseOptions
	cluster    clusterOptions
	logging    logging.Options
}

func restoreCommand() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Restore the backup of Heketi's database onto a volume that has no database",
		Args:  commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.database.check(), o.logging.Check()); err != nil {
				return commandline.Usage(err)
			}
			secrets, err := o.cluster.connect()
			if err != nil {
				return err
			}
			ctx := klog.NewContext(cmd.Context(), o.logging.Install(cmd.ErrOrStderr()))
			return o.run(ctx, database.Store{Secrets: secrets, Namespace: o.cluster.namespace, Name: o.database.secret})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.allowEmpty, "allow-empty", false, "let Heketi start with an empty database if there is neither a database nor a backup")
	flags.StringVar(&o.program, "heketi", "/usr/bin/heketi", "path of the heketi binary, which reads the backup to find unfinished volumes")
	o.database.register(flags)
	o.cluster.register(flags)
	o.logging.Register(flags)
	return cmd
}

// run first waits for the lock of the database. If a restore replaced the database of a Heketi that still runs, that Heketi would
// keep the lock of the old file, and a second Heketi would find the new file without a lock.
func (o *restoreOptions) run(ctx context.Context, from database.Store) error {
	if err := database.AwaitUnlocked(ctx, o.database.path, database.LockLimit); err != nil {
		return err
	}
	return o.restore(ctx, from)
}

func (o *restoreOptions) restore(ctx context.Context, from database.Store) error {
	err := database.Restore(ctx, from, o.database.path, o.program)
	if o.allowEmpty && errors.Is(err, database.ErrEmpty) {
		klog.FromContext(ctx).Info("There is no backup: Heketi begins with an empty database", "path", o.database.path)
		return nil
	}
	return err
}
