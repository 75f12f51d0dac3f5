package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kubectl"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func newPluginDoctorCommand(k *kubectl.Client) *cobra.Command {
	var nodes []string
	cmd := newExaminationCommand("doctor", "Find the reasons why volumes cannot be created or mounted, and suggest remedies",
		"Doctor runs the driver's doctor command in the pods of a cluster. The controller examines the configuration, each Heketi and the gluster servers; each\n"+
			"node plugin examines its node. Doctor also names the charts and images that run. It changes nothing, and needs pods/exec in the driver's namespace.\n\n"+
			"  "+pluginCommand+" doctor --namespace=glusterfs-csi",
		func(cmd *cobra.Command) ([]report.Finding, error) { return examineCluster(cmd.Context(), *k, nodes) })
	cmd.Flags().StringArrayVar(&nodes, "node", nil, "examine only this node, and not the controller; may be repeated")
	return cmd
}

// examinationsAtOnce limits the connections to the API server of a large cluster.
const examinationsAtOnce = 8

func examineCluster(ctx context.Context, k kubectl.Client, nodes []string) ([]report.Finding, error) {
	installation, err := k.Find(ctx)
	if err != nil {
		return nil, err
	}
	pods := installation.Nodes()
	if len(nodes) > 0 {
		if pods, err = podsOn(pods, nodes); err != nil {
			return nil, err
		}
	}
	found := make([][]report.Finding, len(pods)+1)
	var group errgroup.Group
	group.SetLimit(examinationsAtOnce)
	if len(nodes) == 0 {
		group.Go(func() error {
			found[len(pods)] = examineController(ctx, k, installation)
			return nil
		})
	}
	for i, pod := range pods {
		group.Go(func() error {
			found[i] = examinePod(ctx, k, pod, "node "+pod.Node+": ", "doctor", "--node")
			return nil
		})
	}
	_ = group.Wait() // errors become findings
	findings := slices.Concat(append([][]report.Finding{installation.Versions()}, found...)...)
	report.Sort(findings)
	return findings, nil
}

func podsOn(pods []kubectl.Pod, nodes []string) (chosen []kubectl.Pod, err error) {
	for _, node := range nodes {
		i := slices.IndexFunc(pods, func(p kubectl.Pod) bool { return p.Node == node })
		if i == -1 {
			return nil, fmt.Errorf("--node=%s: there is no node plugin on this node; kubectl get pods -o wide lists the node plugins", node)
		}
		chosen = append(chosen, pods[i])
	}
	return chosen, nil
}

func examineController(ctx context.Context, k kubectl.Client, installation kubectl.Installation) []report.Finding {
	pod, err := installation.Controller()
	if err != nil {
		return []report.Finding{{Severity: report.Warning, Check: checkUnexamined, Subject: "controller", Message: err.Error()}}
	}
	return examinePod(ctx, k, pod, "", "doctor", "--config="+pod.Config())
}

// checkUnexamined is the check of findings about pods that could not be examined.
const checkUnexamined = "pod-unexamined"

// examinePod runs a command in a pod and returns its findings, with a prefix before their subjects.
func examinePod(ctx context.Context, k kubectl.Client, pod kubectl.Pod, prefix string, args ...string) []report.Finding {
	findings, err := findingsOf(ctx, k, pod, args...)
	if err != nil {
		return []report.Finding{{
			Severity: report.Warning, Check: checkUnexamined, Subject: prefix + "pod " + pod.Namespace + "/" + pod.Name, Message: err.Error(),
			Remedy: "look at the pod with kubectl describe; running commands in it needs get and create of pods/exec",
		}}
	}
	for i := range findings {
		findings[i].Subject = prefix + findings[i].Subject
	}
	return findings
}

func findingsOf(ctx context.Context, k kubectl.Client, pod kubectl.Pod, args ...string) (findings []report.Finding, err error) {
	if !pod.Running {
		return nil, errors.New("the pod is not running")
	}
	out, err := k.Exec(ctx, pod, append(args, "--output="+formatJSON)...)
	if exit, ok := errors.AsType[*kubectl.ExitError](err); err != nil && (!ok || exit.Code == examinationFailed || len(out) == 0) {
		return nil, err // otherwise the exit code is that of the worst finding
	}
	if err := json.Unmarshal(out, &findings); err != nil {
		return nil, fmt.Errorf("its output is not a list of findings: %w", err)
	}
	return findings, nil
}

func newPluginOrphansCommand(k *kubectl.Client) *cobra.Command {
	return newExaminationCommand("orphans", "Report volumes without a PersistentVolume, and PersistentVolumes without a volume",
		"Orphans compares, in the controller's pod, the volumes that each Heketi has with the PersistentVolumes of the cluster. It deletes nothing, but\n"+
			"prints the commands for the deletion. If several Kubernetes clusters use a Heketi with the same volumeNamePrefix, use glusterfs-csi orphans instead, with the\n"+
			"PersistentVolumes of all these clusters.",
		func(cmd *cobra.Command) ([]report.Finding, error) {
			pod, err := controllerOf(cmd.Context(), *k)
			if err != nil {
				return nil, err
			}
			return findingsOf(cmd.Context(), *k, pod, "orphans", "--config="+pod.Config(), "--driver-name="+pod.Driver(), "--in-cluster")
		})
}

func controllerOf(ctx context.Context, k kubectl.Client) (kubectl.Pod, error) {
	installation, err := k.Find(ctx)
	if err != nil {
		return kubectl.Pod{}, err
	}
	return installation.Controller()
}

// newPluginImportCommand runs import in the controller's pod, unless the command line names another source for the volume.
func newPluginImportCommand(k *kubectl.Client) *cobra.Command {
	cmd := newImportCommand()
	cmd.Long = strings.NewReplacer("  glusterfs-csi import --config=FILE", "  "+pluginCommand+" import", "a configured Heketi", "a Heketi of the controller").Replace(cmd.Long)
	local := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("config") || cmd.Flags().Changed("volume-info") {
			return local(cmd, args)
		}
		pod, err := controllerOf(cmd.Context(), *k)
		if err != nil {
			return err
		}
		warning := *k
		warning.Warnings = cmd.ErrOrStderr()
		out, err := warning.Exec(cmd.Context(), pod, append(importArgs(cmd, pod), "--", args[0])...)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(out)
		return err
	}
	return cmd
}

// importArgs returns the flags of the command in the pod.
func importArgs(cmd *cobra.Command, pod kubectl.Pod) []string {
	args := []string{"import", "--config=" + pod.Config()}
	if !cmd.Flags().Changed("driver-name") {
		args = append(args, "--driver-name="+pod.Driver())
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}
