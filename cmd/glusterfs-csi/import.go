package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/migrate"
)

func newImportCommand() *cobra.Command {
	var (
		config     string
		volumeInfo []string
		from       migrate.Import
	)
	cmd := &cobra.Command{
		Use:   "import VOLUME[/DIRECTORY]",
		Short: "Print a PersistentVolume for a gluster volume that exists",
		Long: "Import prints a PersistentVolume, and with --claim a claim, for a volume that a configured Heketi has, by its name or id, or for one that was made by hand:\n\n" +
			"  glusterfs-csi import --config=FILE data --claim=shop/data | kubectl create -f -\n\n" +
			"The volume is proven first: by Heketi, or by the output of gluster volume info --xml. With --adopt it can grow, and, once you change its policy to Delete, be\n" +
			"deleted with its claim; without, it is mounted and nothing else.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return commandline.Usage(fmt.Errorf("name one volume: %s VOLUME (%s --help lists the flags)", cmd.CommandPath(), cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			from.Volume = args[0]
			if config == "" && len(volumeInfo) == 0 {
				return commandline.Usage(errors.New("say who knows the volume: --config=FILE, the driver's configuration, or --volume-info=FILE, the output of gluster volume info --xml"))
			}
			listed, err := readVolumeInfos(volumeInfo)
			if err != nil {
				return err
			}
			read, end, err := inventoryReader(config)
			if err != nil {
				return err
			}
			defer end()
			objects, err := from.Objects(read(cmd.Context()), listed)
			if err != nil {
				return err
			}
			return printObjects(cmd.OutOrStdout(), objects)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	flags.StringArrayVar(&volumeInfo, "volume-info", nil, "output of gluster volume info --xml, for volumes that no Heketi has; once for each gluster cluster")
	flags.StringVar(&from.Backend, "backend", "", "the backend that has the volume, where several have one of the name")
	flags.StringVar(&from.Driver, "driver-name", driver.DefaultName, "name of the driver")
	flags.StringVar(&from.Name, "name", "", "name of the PersistentVolume, by default like the volume's")
	flags.StringVar(&from.Claim, "claim", "", "print a claim for it, too: NAMESPACE/NAME")
	flags.StringVar(&from.Class, "class", "", "StorageClass of both, which a claim needs to grow")
	flags.StringVar(&from.Size, "size", "", "size, such as 20Gi; by default Heketi's")
	flags.BoolVar(&from.ReadOnly, "read-only", false, "mount it read-only")
	flags.BoolVar(&from.Adopt, "adopt", false, "put the volume into the driver's hands")
	return cmd
}

func printObjects(w io.Writer, objects []map[string]any) error {
	for _, object := range objects {
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}
