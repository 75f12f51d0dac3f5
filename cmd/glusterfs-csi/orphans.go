package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
		lists        []string
	)
	cmd := newExaminationCommand("orphans", "Report volumes without PersistentVolume, and PersistentVolumes without volume",
		"Orphans compares the volumes that each Heketi has with a list of PersistentVolumes:\n\n"+
			"  kubectl get pv -o json | glusterfs-csi orphans --config=FILE --pvs=-\n\n"+
			"When several Kubernetes clusters use a Heketi, give --pvs for each of them. It deletes nothing; it writes the\n"+
			"commands that would.",
		func(cmd *cobra.Command) ([]report.Finding, error) {
			switch {
			case config == "":
				return nil, errors.New("--config is missing: write --config=FILE, the driver's configuration")
			case len(lists) == 0:
				return nil, errors.New("--pvs is missing: write --pvs=FILE, the output of kubectl get pv -o json, or --pvs=- for standard input")
			}
			return findOrphans(cmd.Context(), config, name, lists, cmd.InOrStdin())
		})
	cmd.Flags().StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	cmd.Flags().StringArrayVar(&lists, "pvs", nil, "output of kubectl get pv -o json (or yaml), - is standard input; once for each Kubernetes cluster")
	cmd.Flags().StringVar(&name, "driver-name", driver.DefaultName, "name of the driver in the PersistentVolumes")
	return cmd
}

func findOrphans(ctx context.Context, config, driverName string, lists []string, stdin io.Reader) ([]report.Finding, error) {
	var pvs []orphans.PV
	for _, list := range lists {
		more, err := readPVs(list, stdin)
		if err != nil {
			return nil, fmt.Errorf("--pvs=%s: %w", list, err)
		}
		pvs = append(pvs, more...)
	}
	loaded, err := heketi.LoadConfig(config)
	if err != nil {
		return nil, fmt.Errorf("--config=%s: %w", config, err)
	}
	timing := heketi.DefaultTiming()
	timing.Exchange = 30 * time.Second // somebody is waiting
	backends, err := heketi.NewBackends(loaded, timing)
	if err != nil {
		return nil, fmt.Errorf("--config=%s: %w", config, err)
	}
	defer backends.Close()
	return orphans.Find(ctx, backends.All(), driverName, pvs), nil
}

func readPVs(list string, stdin io.Reader) ([]orphans.PV, error) {
	if list == "-" {
		return orphans.ReadPVs(stdin)
	}
	f, err := os.Open(list) // #nosec G304 -- the administrator names this file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return orphans.ReadPVs(f)
}
