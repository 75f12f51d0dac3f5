// Components is the control plane, the kubelet and kube-proxy of an older Kubernetes in one binary, like kube-aio of
// test/e2e/tools, but without etcd, which stays the same for every version. It runs the component that its own name says.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() { os.Exit(run(filepath.Base(os.Args[0]))) }

func run(component string) int {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllermanager.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kube-proxy":              proxy.NewProxyCommand,
		"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand() },
	}
	command, ok := commands[component]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: no such component; start this binary through a link named "+
			"kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy or kubelet\n", component)
		return 2
	}
	return cli.Run(command())
}
