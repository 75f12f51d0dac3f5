package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/doctor"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// storageSource is the Kubernetes cluster whose GlusterFS doctor examines.
type storageSource struct {
	wanted     bool
	namespace  string
	kubeconfig string
	inCluster  bool
}

func (s *storageSource) register(flags *pflag.FlagSet) {
	flags.BoolVar(&s.wanted, "storage", false, "examine the GlusterFS and the Heketi of the chart glusterfs-storage, in the Kubernetes cluster that --kubeconfig or --in-cluster selects")
	flags.StringVar(&s.namespace, "storage-namespace", "", "with --storage: namespace of the chart (default: the namespace in which the chart's DaemonSet is found)")
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "with --storage: kubeconfig file, whose current context selects the Kubernetes cluster")
	flags.BoolVar(&s.inCluster, "in-cluster", false, "with --storage: examine the Kubernetes cluster that this pod runs in, with the pod's ServiceAccount")
}

// connect returns nil if --storage is not set.
func (s *storageSource) connect() (*doctor.Storage, error) {
	switch {
	case !s.wanted && (s.namespace != "" || s.kubeconfig != "" || s.inCluster):
		return nil, errors.New("--storage-namespace, --kubeconfig and --in-cluster have no meaning without --storage")
	case !s.wanted:
		return nil, nil //nolint:nilnil // nil in doctor.Config means no examination
	case (s.kubeconfig == "") == !s.inCluster:
		return nil, errors.New("--storage needs either --kubeconfig=FILE or, in a pod, --in-cluster")
	}
	client, err := kube.NewClient(s.kubeconfig)
	switch {
	case err != nil && s.inCluster:
		return nil, fmt.Errorf("--in-cluster: %w", err)
	case err != nil:
		return nil, fmt.Errorf("--kubeconfig=%s: %w", s.kubeconfig, err)
	}
	return &doctor.Storage{
		Kubernetes: client, Namespace: s.namespace,
		Runner: func(namespace string) servers.Runner { return podexec.New(client.Config(), namespace) },
	}, nil
}
