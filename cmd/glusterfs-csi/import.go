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
		Short: "Print a PersistentVolume for an existing gluster volume",
		Long: "Import prints a PersistentVolume for a volume in a configured Heketi, or for a volume that was made by hand. VOLUME is the volume's name, or its id in Heketi.\n" +
			"With --claim, it also prints a claim:\n\n" +
			"  glusterfs-csi import --config=FILE data --claim=shop/data | kubectl create -f -\n\n" +
			"The volume must exist in Heketi or in the output of gluster volume info --xml. With --adopt it can be expanded and, once you change its policy to Delete,\n" +
			"deleted with its claim; without --adopt it is only mounted.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return commandline.Usage(fmt.Errorf("name one volume: %s VOLUME (%s --help lists the flags)", cmd.CommandPath(), cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			from.Volume = args[0]
			if config == "" && len(volumeInfo) == 0 {
				return commandline.Usage(errors.New("say where the volume is listed: --config=FILE, the driver's configuration, or --volume-info=FILE, the output of gluster volume info --xml"))
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
			if err := printObjects(cmd.OutOrStdout(), objects); err != nil || !from.Adopt {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), sharedVolume, migrate.VolumeOf(objects[0]))
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&config, "config", "", "YAML file that lists the Heketi backends, as for the controller")
	flags.StringArrayVar(&volumeInfo, "volume-info", nil, "file with the output of gluster volume info --xml, for volumes that no Heketi has; may be repeated, once for each gluster cluster")
	flags.StringVar(&from.Backend, "backend", "", "the backend that has the volume, if several have a volume of that name")
	flags.StringVar(&from.Driver, "driver-name", driver.DefaultName, "name of the driver")
	flags.StringVar(&from.Name, "name", "", "name of the PersistentVolume (default: derived from the volume's name)")
	flags.StringVar(&from.Claim, "claim", "", "NAMESPACE/NAME of a PersistentVolumeClaim to print, too, which binds to the PersistentVolume")
	flags.StringVar(&from.Class, "class", "", "StorageClass of the PersistentVolume and of the claim; without a class, the claim cannot be expanded")
	flags.StringVar(&from.Size, "size", "", "size of the PersistentVolume, as in 20Gi (default: the volume's size in Heketi)")
	flags.BoolVar(&from.ReadOnly, "read-only", false, "mount the volume read-only")
	flags.BoolVar(&from.Adopt, "adopt", false, "let the driver expand and delete the volume")
	return cmd
}

// sharedVolume is printed on standard error, because standard output goes to kubectl. The command does not query Kubernetes.
const sharedVolume = "Warning: if another PersistentVolume also has gluster volume %[1]s, and one of them has the policy Delete, the volume is deleted with the claim of that one. " +
	"This command lists them:\n  kubectl get pv -o custom-columns=NAME:.metadata.name,VOLUME:.spec.csi.volumeAttributes.volume,IN-TREE:.spec.glusterfs.path | grep -w %[1]s\n"

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
