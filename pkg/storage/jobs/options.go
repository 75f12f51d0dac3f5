package jobs

import "github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"

// Options say where a Job works: on which installation, and how it runs a Heketi in its pod.
type Options struct {
	Namespace string
	Pod       string // the one that this is

	HeketiURL string // of the Heketi that the cluster uses
	CAFile    string // for it; "" trusts the system's authorities
	Key       string // Heketi's admin key; "" is for a Heketi without authentication
	Claim     string // of the volume of Heketi's database; Heketi's pod waits for it

	// How to run the temporary Heketi; see temporary.Options.
	Program, Config, Dir string
}

// Client returns a client of the cluster's Heketi.
func (o Options) Client() (*heketi.Client, error) {
	return heketi.NewClient(heketi.BackendConfig{Name: "heketi", URL: o.HeketiURL, CAFile: o.CAFile}, o.Key, heketi.DefaultTiming())
}
