package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/doctor"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func newDoctorCommand() *cobra.Command {
	var (
		config, stateDir, fromPod string
		node                      bool
		storage                   storageSource
	)
	cmd := newExaminationCommand("doctor", "Find the reasons why volumes cannot be created or mounted, and suggest remedies",
		"With --config, Doctor examines the configuration, each Heketi in it and the gluster servers of each Heketi. With\n"+
			"--node it examines this machine as a node. With --storage it examines GlusterFS and Heketi that the chart\n"+
			"glusterfs-storage runs in a Kubernetes cluster. With --from-pod it checks whether pods can reach gluster servers.\n"+
			"It changes nothing.",
		func(cmd *cobra.Command) ([]report.Finding, error) {
			switch {
			case fromPod != "" && (config != "" || node || storage.wanted):
				return nil, errors.New("--from-pod cannot be combined with --config, --node or --storage: it is for a tenant's pod, which has no configuration and is not a node")
			case fromPod != "":
				servers, err := mount.ParseServers(fromPod)
				if err != nil {
					return nil, fmt.Errorf("--from-pod: %w", err)
				}
				return doctor.Run(cmd.Context(), doctor.Config{FromPod: servers}), nil
			case config == "" && !node && !storage.wanted:
				return nil, errors.New("say what to examine: --config=FILE, the driver's configuration; --node, this machine; --storage, GlusterFS in the cluster; " +
					"or several of these; or in a tenant's pod --from-pod=SERVERS")
			}
			c := doctor.Config{ConfigFile: config}
			var err error
			if c.Storage, err = storage.connect(); err != nil {
				return nil, err
			}
			if node {
				c.Node = doctor.NewNode(stateDir)
			}
			return doctor.Run(cmd.Context(), c), nil
		})
	cmd.Flags().StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	cmd.Flags().BoolVar(&node, "node", false, "also examine this machine as a node: kernel, FUSE, GlusterFS client, leftovers")
	cmd.Flags().StringVar(&fromPod, "from-pod", "", "in a tenant's pod: check that these gluster servers, separated by commas, cannot be reached from it")
	storage.register(cmd.Flags())
	cmd.Flags().StringVar(&stateDir, "state-dir", defaultStateDir, "with --node: state directory of the node plugin")
	return cmd
}
