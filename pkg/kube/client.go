package kube

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Client asks the API server of one cluster.
type Client struct {
	api dynamic.Interface
}

// NewClient connects to the API server that a kubeconfig file names, in its current context. With kubeconfig "" it is the
// one of the cluster that this process runs in, as the pod's ServiceAccount. Nobody is asked anything yet.
func NewClient(kubeconfig string) (*Client, error) {
	config, err := loadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = filepath.Base(os.Args[0])
	config.QPS = -1 // no limit of our own: the API server's priority and fairness sheds load, and knows how much there is
	api, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api}, nil
}

func loadConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("no kubeconfig file is given, and this is no pod: %w", err)
		}
		return config, nil
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}
