package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
)

// The names under which kubectl looks for the plugin "kubectl glusterfs-csi", and for what completes its command lines.
const (
	pluginName           = "kubectl-glusterfs_csi"
	pluginCompletionName = "kubectl_complete-glusterfs_csi"
	pluginCommand        = "kubectl glusterfs-csi"
)

// newPluginCommand is the root command under the plugin's name: the administrator's commands, in the cluster of kubectl's current context.
func newPluginCommand() *cobra.Command {
	var k kubectl.Client
	root := &cobra.Command{
		Use:           pluginName,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: pluginCommand},
		Short:         "Look after the GlusterFS volumes of a Kubernetes cluster",
		SilenceErrors: true, // run prints them, in one line
		SilenceUsage:  true,
		Args:          noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("say what to do: doctor, orphans, migrate or import (%s --help explains them)", cmd.CommandPath())}
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // kubectl's own is at work
	}
	root.SetFlagErrorFunc(wrongFlag)
	flags := root.PersistentFlags()
	flags.StringVar(&k.Kubeconfig, "kubeconfig", "", "kubeconfig file (default as kubectl: the variable KUBECONFIG, or ~/.kube/config)")
	flags.StringVar(&k.Context, "context", "", "context of the kubeconfig file (default the current one)")
	flags.StringVarP(&k.Namespace, "namespace", "n", "", "namespace of the driver (default that of the context)")
	flags.StringVar(&k.Release, "release", "", "helm release of the driver, where the namespace has several")
	root.AddCommand(newPluginDoctorCommand(&k), newPluginOrphansCommand(&k), newPluginMigrateCommand(&k), newPluginImportCommand(&k), newVersionCommand())
	return root
}

// newPluginMigrateCommand is the command as ever, but for its cluster.
func newPluginMigrateCommand(k *kubectl.Client) *cobra.Command {
	cmd := newMigrateCommand(k)
	for _, c := range cmd.Commands() {
		c.Long = strings.NewReplacer("  glusterfs-csi migrate", "  "+pluginCommand+" migrate", " --kubeconfig=FILE", "").Replace(c.Long)
	}
	return cmd
}
