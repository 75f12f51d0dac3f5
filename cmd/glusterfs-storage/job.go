package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
)

// jobOptions are the flags that setup and teardown share.
type jobOptions struct {
	heketi  heketiOptions
	cluster clusterOptions
	logging logging.Options
}

func (o *jobOptions) register(flags *pflag.FlagSet, job *jobs.Options) {
	flags.StringVar(&job.Pod, "pod", "", "name of this pod, so that the Job does not wait for itself (default: the host name)")
	flags.StringVar(&job.Config, "config", "", "configuration file heketi.json, for a temporary Heketi")
	flags.StringVar(&job.Program, "heketi", "/usr/bin/heketi", "path of the heketi binary")
	flags.StringVar(&job.Dir, "directory", filepath.Dir(databasePath), "directory for a temporary Heketi's database; it must outlive a restart of the container")
	flags.StringVar(&job.Claim, "claim", "heketi-db", "claim for the volume of Heketi's database; its PersistentVolume is called NAMESPACE-VOLUME, after --namespace and --database-volume")
	o.heketi.register(flags)
	o.cluster.register(flags)
	o.logging.Register(flags)
}

// check also fills in the pod's name.
func (o *jobOptions) check(job *jobs.Options) error {
	if job.Pod == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("--pod is missing: %w", err)
		}
		job.Pod = name
	}
	switch {
	case job.Config == "":
		return errors.New("--config is missing: write --config=FILE, Heketi's heketi.json")
	case !filepath.IsAbs(job.Dir):
		return fmt.Errorf("--directory=%s: write an absolute path", job.Dir)
	}
	return errors.Join(o.heketi.check(), o.logging.Check())
}

// connect also fills in the namespace of the job's options.
func (o *jobOptions) connect(job *jobs.Options) (*kube.Client, error) {
	client, err := o.cluster.connect()
	job.Namespace, job.HeketiURL, job.CAFile, job.Key = o.cluster.namespace, o.heketi.url, o.heketi.caFile, os.Getenv(keyVariable)
	return client, err
}
