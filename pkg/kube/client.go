package kube

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Client sends requests to the API server of one cluster.
type Client struct {
	api    dynamic.Interface
	host   string // of the API server, for messages
	config *rest.Config
}

// Config returns the connection settings of the API server, for uses that a dynamic client does not cover. It must not be
// changed.
func (c *Client) Config() *rest.Config { return c.config }

// NewClient returns a client of the API server in a kubeconfig file's current context. If kubeconfig is "", it uses the API
// server of the cluster in which this process runs, with the pod's ServiceAccount. It sends no request.
func NewClient(kubeconfig string) (*Client, error) {
	config, err := loadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	return newClient(config)
}

// NewContextClient connects like kubectl: to the cluster of a context of a kubeconfig file. If context is "", it uses the current
// context. If kubeconfig is "", it uses the file in the variable KUBECONFIG, or ~/.kube/config.
func NewContextClient(kubeconfig, context string) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // its text mentions an environment variable that few users need
		return nil, errors.New("no kubeconfig file names an API server: choose a context with kubectl config use-context, or a file with --kubeconfig")
	}
	if err != nil {
		return nil, err
	}
	return newClient(config)
}

func newClient(config *rest.Config) (*Client, error) {
	config.UserAgent = filepath.Base(os.Args[0])
	config.QPS = -1                           // no limit: the API server limits the load by priority and fairness
	config.WarningHandler = rest.NoWarnings{} // warnings are for developers: the driver uses an old kind on purpose
	api, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{api: api, host: config.Host, config: config}, nil
}

func loadConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("no kubeconfig file is given, and this process is not in a pod with a ServiceAccount: %w", err)
		}
		return config, nil
	}
	// Not clientcmd.BuildConfigFromFlags: in a pod it uses the pod's own cluster if the kubeconfig file is empty.
	loaded, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := clientcmd.ResolveLocalPaths(loaded); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewDefaultClientConfig(*loaded, nil).ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // its text mentions an environment variable that has no meaning here
		return nil, errors.New("it names no API server: is it a kubeconfig file with a current-context?")
	}
	return config, err
}
