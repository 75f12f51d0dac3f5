package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
)

// The file names by which kubectl finds the plugin "kubectl glusterfs-csi", and the completion of its command lines.
const (
	pluginName           = "kubectl-glusterfs_csi"
	pluginCompletionName = "kubectl_complete-glusterfs_csi"
	pluginCommand        = "kubectl glusterfs-csi"
)

// programOf returns the program to run for the name by which the binary was called.
func programOf(name string) func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	switch name {
	case pluginName:
		return func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return execute(ctx, newPluginCommand(), args, stdout, stderr) //nolint:contextcheck // the commands get it from cobra, when they run
		}
	case pluginCompletionName:
		return func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			request := append([]string{cobra.ShellCompRequestCmd}, args...)
			return execute(ctx, newPluginCommand(), request, stdout, stderr) //nolint:contextcheck // likewise
		}
	}
	return run
}

// newPluginCommand returns the root command of the kubectl plugin: the administrator's commands, for the cluster of kubectl's
// current context.
func newPluginCommand() *cobra.Command {
	var k kubectl.Client
	root := commandline.NewRoot(pluginName, "Look after the GlusterFS volumes of a Kubernetes cluster", "say what to do: doctor, orphans, migrate or import", version)
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: pluginCommand}
	flags := root.PersistentFlags()
	flags.StringVar(&k.Kubeconfig, "kubeconfig", "", "kubeconfig file (default as kubectl: the variable KUBECONFIG, or ~/.kube/config)")
	flags.StringVar(&k.Context, "context", "", "context of the kubeconfig file (default the current one)")
	flags.StringVarP(&k.Namespace, "namespace", "n", "", "namespace of the driver (default that of the context)")
	flags.StringVar(&k.Release, "release", "", "helm release of the driver, if the namespace has several")
	root.AddCommand(newPluginDoctorCommand(&k), newPluginOrphansCommand(&k), newPluginMigrateCommand(&k), newPluginImportCommand(&k))
	return root
}

// newPluginMigrateCommand returns the command migrate for the plugin's cluster.
func newPluginMigrateCommand(k *kubectl.Client) *cobra.Command {
	cmd := newMigrateCommand(k)
	for _, c := range cmd.Commands() {
		c.Long = strings.NewReplacer("  glusterfs-csi migrate", "  "+pluginCommand+" migrate", " --kubeconfig=FILE", "").Replace(c.Long)
	}
	return cmd
}
