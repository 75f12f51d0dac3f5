package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
)

// pvSources holds the Kubernetes clusters whose PersistentVolumes are compared: files that kubectl wrote, or API servers.
type pvSources struct {
	lists       []string
	kubeconfigs []string
	inCluster   bool
}

func (s *pvSources) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&s.kubeconfigs, "kubeconfig", nil, "kubeconfig file, whose current context selects a Kubernetes cluster; may be repeated, once for each cluster")
	flags.BoolVar(&s.inCluster, "in-cluster", false, "read the PersistentVolumes of the Kubernetes cluster that this pod runs in")
	flags.StringArrayVar(&s.lists, "pvs", nil, "file with the output of kubectl get pv -o json (or yaml); - means standard input; may be repeated, once for each cluster")
}

func (s *pvSources) check() error {
	if len(s.lists)+len(s.kubeconfigs) == 0 && !s.inCluster {
		return errors.New("say where the PersistentVolumes are: --kubeconfig=FILE; or --in-cluster, in a pod; " +
			"or --pvs=FILE, the output of kubectl get pv -o json, - for standard input")
	}
	return nil
}

// read returns the PersistentVolumes of all clusters. If one cannot be read, the error names its flag.
func (s *pvSources) read(ctx context.Context, stdin io.Reader) ([]persistentvolume.PV, error) {
	var all []persistentvolume.PV
	for _, list := range s.lists {
		pvs, err := readPVs(list, stdin)
		if err != nil {
			return nil, fmt.Errorf("--pvs=%s: %w", list, err)
		}
		all = append(all, pvs...)
	}
	for _, kubeconfig := range s.kubeconfigs {
		if kubeconfig == "" { // in package kube, "" means the pod's own cluster
			return nil, errors.New("--kubeconfig= names no file; write --kubeconfig=FILE")
		}
		pvs, err := askForPVs(ctx, kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("--kubeconfig=%s: %w", kubeconfig, err)
		}
		all = append(all, pvs...)
	}
	if s.inCluster {
		pvs, err := askForPVs(ctx, "")
		if err != nil {
			return nil, fmt.Errorf("--in-cluster: %w", err)
		}
		all = append(all, pvs...)
	}
	return all, nil
}

func readPVs(list string, stdin io.Reader) ([]persistentvolume.PV, error) {
	if list == "-" {
		return persistentvolume.ReadList(stdin)
	}
	f, err := os.Open(list) // #nosec G304 -- the administrator names this file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return persistentvolume.ReadList(f)
}

func askForPVs(ctx context.Context, kubeconfig string) ([]persistentvolume.PV, error) {
	client, err := kube.NewClient(kubeconfig)
	if err != nil {
		return nil, err
	}
	return client.PersistentVolumes(ctx)
}
