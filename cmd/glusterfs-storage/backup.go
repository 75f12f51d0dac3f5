package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

type backupOptions struct {
	watch    bool
	slots    int
	program  string
	database databaseOptions
	heketi   heketiOptions
	cluster  clusterOptions
	logging  logging.Options
}

func backupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy Heketi's database into a Secret: once, at every change (--watch), or into several Secrets in turn (--slots)",
		Args:  commandline.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return commandline.Usage(err)
			}
			secrets, err := o.cluster.connect()
			if err != nil {
				return err
			}
			server, err := o.heketi.connect()
			if err != nil {
				return err
			}
			defer server.Close()
			ctx := klog.NewContext(cmd.Context(), o.logging.Install(cmd.ErrOrStderr()))
			return o.run(ctx, server, database.Store{Secrets: secrets, Namespace: o.cluster.namespace, Name: o.database.secret})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.watch, "watch", false, "keep running, and save a copy after each change of the file --database")
	flags.IntVar(&o.slots, "slots", 0, "keep backups in this number of Secrets (the name in --secret with the suffix -0, -1 and so on), and overwrite the oldest; wait up to five minutes until Heketi has no operation in flight")
	flags.StringVar(&o.program, "heketi", "/usr/bin/heketi", "path of the heketi binary, which reads each copy before it is saved")
	o.database.register(flags)
	o.heketi.register(flags)
	o.cluster.register(flags)
	o.logging.Register(flags)
	return cmd
}

func (o *backupOptions) check() error {
	switch {
	case o.slots < 0:
		return fmt.Errorf("--slots=%d: write a number of Secrets from 1", o.slots)
	case o.watch && o.slots > 0:
		return errors.New("--watch and --slots exclude each other: each change would push out a backup of an earlier day")
	}
	return errors.Join(o.database.check(), o.heketi.check(), o.logging.Check())
}

func (o *backupOptions) run(ctx context.Context, from *heketi.Client, to database.Store) error {
	saver := &database.Saver{From: from, To: to, Program: o.program}
	switch {
	case o.watch:
		database.Watch(ctx, o.database.path, database.DefaultTiming(), saver.Save)
		return nil
	case o.slots > 0:
		c, err := database.MakeQuietCopy(ctx, from, o.program, database.DefaultQuietTiming())
		if err != nil {
			return err
		}
		return database.Slots{Store: to, Count: o.slots}.Save(ctx, c)
	}
	return saver.Save(ctx)
}
