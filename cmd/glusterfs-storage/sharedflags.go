package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
)

const (
	keyVariable   = "HEKETI_ADMIN_KEY"
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	databasePath  = "/var/lib/heketi/heketi.db"
)

// heketiOptions hold how to reach Heketi. The key comes from the environment, where Heketi itself reads it.
type heketiOptions struct{ url, caFile string }

func (o *heketiOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.url, "heketi-url", "", "address of Heketi, as in http://heketi.glusterfs-storage.svc:8080; the variable "+keyVariable+" holds its admin key, and is empty if Heketi has no authentication")
	flags.StringVar(&o.caFile, "heketi-ca-file", "", "PEM file with the authority of Heketi's certificate (default: the system's authorities)")
}

func (o *heketiOptions) check() error {
	if o.url == "" {
		return errors.New("--heketi-url is missing: write --heketi-url=http://heketi.glusterfs-storage.svc:8080, Heketi's address")
	}
	return nil
}

func (o *heketiOptions) connect() (*heketi.Client, error) {
	config := heketi.BackendConfig{Name: "heketi", URL: o.url, CAFile: o.caFile}
	client, err := heketi.NewClient(config, os.Getenv(keyVariable), heketi.DefaultTiming())
	if err != nil {
		return nil, fmt.Errorf("--heketi-url=%s: %w", o.url, err)
	}
	return client, nil
}

// clusterOptions select the cluster and the namespace.
type clusterOptions struct{ kubeconfig, namespace string }

func (o *clusterOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file for the Kubernetes API (default: the pod's own service account)")
	flags.StringVar(&o.namespace, "namespace", "", "namespace of GlusterFS and Heketi (default: the pod's own namespace)")
}

// connect also fills in the namespace.
func (o *clusterOptions) connect() (*kube.Client, error) {
	if o.namespace == "" {
		content, err := os.ReadFile(namespaceFile)
		if err != nil {
			return nil, commandline.Usage(fmt.Errorf("--namespace is missing, and this is not a pod: %w", err))
		}
		o.namespace = strings.TrimSpace(string(content))
	}
	client, err := kube.NewClient(o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig=%s: %w", o.kubeconfig, err)
	}
	return client, nil
}

// databaseOptions hold the file and the Secret of Heketi's database.
type databaseOptions struct{ path, secret string }

func (o *databaseOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.path, "database", databasePath, "file of Heketi's database")
	flags.StringVar(&o.secret, "secret", database.SecretName, "Secret with the backup")
}

func (o *databaseOptions) check() error {
	if !filepath.IsAbs(o.path) {
		return fmt.Errorf("--database=%s: write an absolute path, as in %s", o.path, databasePath)
	}
	return nil
}
