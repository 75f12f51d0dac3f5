// Package doctor looks for what keeps volumes from being made and mounted, and says what to do about it. It changes
// nothing, neither in Heketi nor on the node.
package doctor

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// Config says what to look at: at least one of the first four.
type Config struct {
	ConfigFile string   // of the driver; "" looks at no Heketi
	Node       *Node    // nil does not look at this machine as a node
	FromPod    []string // gluster servers that should be out of reach from here, a tenant's pod
	Storage    *Storage // nil does not look at GlusterFS in the cluster
	// Limit is how long one request to Heketi, or one question to a mount, may take; default 20 s.
	Limit time.Duration
	// Prober reaches the gluster servers; default mount.NewProber.
	Prober *mount.Prober
}

// checker is one run.
type checker struct {
	onNode bool // where volumes are mounted
	limit  time.Duration
	prober mount.Prober
}

// Run makes all checks, the slow ones at the same time, and returns the findings by falling weight.
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

// parallel makes checks at the same time, and keeps their order.
func parallel(ctx context.Context, checks []func(context.Context) []report.Finding) []report.Finding {
	found := make([][]report.Finding, len(checks))
	var group errgroup.Group // a check returns findings and no error, so that none ends another
	for i, check := range checks {
		group.Go(func() error {
			found[i] = check(ctx)
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(found...)
}

// timing gives up sooner than the driver does: somebody is waiting.
func (c checker) timing() heketi.Timing {
	timing := heketi.DefaultTiming()
	timing.Exchange = c.limit
	return timing
}
