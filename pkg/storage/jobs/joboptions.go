package jobs

import "github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"

// Options set which installation a Job works on, and how it runs a Heketi in its pod.
type Options struct {
	Namespace string
	Pod       string // name of the Job's own pod

	HeketiURL string // URL of the cluster's Heketi
	CAFile    string // for HeketiURL; "" trusts the system's authorities
	Key       string // Heketi's admin key; "": Heketi has no authentication
	Claim     string // claim of the volume with Heketi's database; Heketi's pod waits for it

	// How to run the temporary Heketi; see temporary.Options.
	Program, Config, Dir string
}

// Client returns a client of the cluster's Heketi.
func (o Options) Client() (*heketi.Client, error) {
	return heketi.NewClient(heketi.BackendConfig{Name: "heketi", URL: o.HeketiURL, CAFile: o.CAFile}, o.Key, heketi.DefaultTiming())
}
