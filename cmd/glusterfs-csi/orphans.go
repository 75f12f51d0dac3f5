package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/orphans"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func newOrphansCommand() *cobra.Command {
	var (
		config, name string
		sources      pvSources
	)
	cmd := newExaminationCommand("orphans", "Report volumes without a PersistentVolume, and PersistentVolumes without a volume",
		"Orphans compares the volumes that each Heketi has with the PersistentVolumes of a Kubernetes cluster:\n\n"+
			"  glusterfs-csi orphans --config=FILE --kubeconfig=FILE\n"+
			"  kubectl get pv -o json | glusterfs-csi orphans --config=FILE --pvs=-\n\n"+
			"If several Kubernetes clusters use a Heketi, name each of them once. Orphans deletes nothing, but prints the\n"+
			"commands for the deletion.",
		func(cmd *cobra.Command) ([]report.Finding, error) {
			if config == "" {
				return nil, errors.New("--config is missing: write --config=FILE, the driver's configuration")
			}
			if err := sources.check(); err != nil {
				return nil, err
			}
			pvs, err := sources.read(cmd.Context(), cmd.InOrStdin())
			if err != nil {
				return nil, err
			}
			return findOrphans(cmd.Context(), config, name, pvs)
		})
	cmd.Flags().StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	cmd.Flags().StringVar(&name, "driver-name", driver.DefaultName, "name of the driver in the PersistentVolumes")
	sources.register(cmd.Flags())
	return cmd
}

func findOrphans(ctx context.Context, config, driverName string, pvs []orphans.PV) ([]report.Finding, error) {
	backends, err := loadBackends(config)
	if err != nil {
		return nil, err
	}
	defer backends.Close()
	return orphans.Find(ctx, backends.All(), driverName, pvs), nil
}

// loadBackends reads the file of --config for an interactive command.
func loadBackends(config string) (backends *heketi.Backends, err error) {
	loaded, err := heketi.LoadConfig(config)
	if err == nil {
		timing := heketi.DefaultTiming()
		timing.Exchange = 30 * time.Second
		backends, err = heketi.NewBackends(loaded, timing)
	}
	if err != nil {
		return nil, fmt.Errorf("--config=%s: %w", config, err)
	}
	return backends, nil
}
