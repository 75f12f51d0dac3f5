// Package doctor looks for faults that prevent volumes from being made or mounted, and reports remedies. It changes nothing,
// neither in Heketi nor on the node. Run makes all checks that Config selects: it checks the Heketis in a configuration, this
// machine as a node, the gluster ports that a tenant's pod must not reach, and the chart's GlusterFS in the cluster. A check that
// cannot be made becomes a finding, too, so Run returns no error.
//
// With Config.Node, Run may start the running binary again, through package fusequery. So the program's main function must call
// fusequery.Serve if fusequery.IsChild reports true.
package doctor

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// Config selects what to check; at least one of the first four fields must be set.
type Config struct {
	ConfigFile string   // configuration of the driver; "": check no Heketi
	Node       *Node    // nil: do not check this machine as a node
	FromPod    []string // gluster servers that must not be reachable from here; set it only in a tenant's pod
	Storage    *Storage // nil: do not check GlusterFS in the cluster
	// Limit is the time limit of one request to Heketi. The check of one mount gets a quarter of it. The default is 20 s.
	Limit time.Duration
	// Prober connects to gluster servers; default mount.NewProber.
	Prober *mount.Prober
}

// checker holds the state of one run.
type checker struct {
	onNode         bool                      // this machine mounts volumes
	clusterServers fuseclient.ClusterServers // of the node plugin here
	limit          time.Duration
	prober         mount.Prober
}

// Run makes all checks, slow ones concurrently, and returns the findings, most severe first.
func Run(ctx context.Context, config Config) []report.Finding {
	c := checker{onNode: config.Node != nil, limit: config.Limit, prober: mount.NewProber()}
	if c.limit == 0 {
		c.limit = 20 * time.Second
	}
	if config.Prober != nil {
		c.prober = *config.Prober
	}
	var checks []func(context.Context) []report.Finding
	if config.ConfigFile != "" {
		checks = append(checks, func(ctx context.Context) []report.Finding { return c.backends(ctx, config.ConfigFile) })
	}
	if config.Node != nil {
		c.clusterServers, _ = fuseclient.ReadClusterServers(config.Node.StateDir) // the check of the records reports this error
		for _, check := range config.Node.checks() {
			checks = append(checks, func(ctx context.Context) []report.Finding { return check(ctx, c) })
		}
	}
	if len(config.FromPod) > 0 {
		checks = append(checks, func(ctx context.Context) []report.Finding { return c.fromPod(ctx, config.FromPod) })
	}
	if config.Storage != nil {
		checks = append(checks, config.Storage.checks)
	}
	findings := parallel(ctx, checks)
	report.Sort(findings)
	return findings
}

// parallel makes checks concurrently, and returns their findings in the order of the checks.
func parallel(ctx context.Context, checks []func(context.Context) []report.Finding) []report.Finding {
	found := make([][]report.Finding, len(checks))
	var group errgroup.Group // a check returns findings instead of an error, so no check cancels another
	for i, check := range checks {
		group.Go(func() error {
			found[i] = check(ctx)
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(found...)
}

// timing returns shorter limits than the driver's, since a person is waiting.
func (c checker) timing() heketi.Timing {
	timing := heketi.DefaultTiming()
	timing.Exchange = c.limit
	return timing
}
