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

// Client asks the API server of one cluster.
type Client struct {
	api    dynamic.Interface
	host   string // of the API server, for messages
	config *rest.Config
}

// Config is how the API server is reached, for what a dynamic client cannot do. Do not change it.
func (c *Client) Config() *rest.Config { return c.config }

// NewClient connects to the API server that a kubeconfig file names, in its current context. With kubeconfig "" it is the
// one of the cluster that this process runs in, as the pod's ServiceAccount. Nobody is asked anything yet.
func NewClient(kubeconfig string) (*Client, error) {
	config, err := loadConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	return newClient(config)
}

// NewContextClient connects as kubectl does: to the cluster of a context of a kubeconfig file. With context "" it is the current one, with
// kubeconfig "" the file is that of the variable KUBECONFIG, or ~/.kube/config.
func NewContextClient(kubeconfig, context string) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // its text speaks of an environment variable that few know
		return nil, errors.New("no kubeconfig file names an API server: choose a context with kubectl config use-context, or a file with --kubeconfig")
	}
	if err != nil {
		return nil, err
	}
	return newClient(config)
}

func newClient(config *rest.Config) (*Client, error) {
	config.UserAgent = filepath.Base(os.Args[0])
	config.QPS = -1                           // no limit of our own: the API server's priority and fairness sheds load, and knows how much there is
	config.WarningHandler = rest.NoWarnings{} // they are for developers: an old kind is used on purpose
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
			return nil, fmt.Errorf("no kubeconfig file is given, and this is no pod with a ServiceAccount: %w", err)
		}
		return config, nil
	}
	// Not clientcmd.BuildConfigFromFlags: in a pod it takes the pod's own cluster for a kubeconfig file that is empty.
	loaded, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := clientcmd.ResolveLocalPaths(loaded); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewDefaultClientConfig(*loaded, nil).ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // its text speaks of an environment variable that has no meaning here
		return nil, errors.New("it names no API server: is it a kubeconfig file with a current-context?")
	}
	return config, err
}
