// Package collect gathers the report of a GlusterFS server about itself. It runs only commands that take no lock of gluster, each
// with a time limit. A command that fails is not an error for the caller: the report contains the reason.
package collect

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

const (
	// lvmLimit is needed because LVM reads the metadata of all devices, and one of them may hang.
	lvmLimit = 30 * time.Second
	// healLimit bounds the query of all volumes. At a large site, an answer about the first volumes is better than no answer.
	healLimit = 90 * time.Second
	// healsAtOnce is small, because each query crawls lists on all bricks of a volume.
	healsAtOnce = 2
	// mostReason bounds the length of a program's error message.
	mostReason = 300
)

// Collector queries the gluster and LVM of one server.
type Collector struct {
	Runner cli.Runner
	RunDir string // directory of glusterd
}

// Server returns what the server can report without asking other servers. Parts that cannot be read are listed in Failures.
func (c Collector) Server(ctx context.Context) status.Server {
	var (
		server                              status.Server
		peersFailed, volumesFailed, lvmFail error
		parts                               sync.WaitGroup
	)
	gluster := c.gluster()
	parts.Go(func() { server.Peers, peersFailed = gluster.Pool(ctx) })
	parts.Go(func() { server.Volumes, volumesFailed = c.volumes(ctx, gluster) })
	parts.Go(func() { server.Pools, lvmFail = c.pools(ctx) })
	parts.Wait()
	for _, part := range []struct {
		name   string
		failed error
	}{{"the peers", peersFailed}, {"the volumes and bricks", volumesFailed}, {"the thin pools", lvmFail}} {
		if part.failed != nil {
			server.Failures = append(server.Failures, reason(part.name, part.failed))
		}
	}
	for i := range server.Volumes { // the other servers report their own bricks
		server.Volumes[i].Bricks = slices.DeleteFunc(server.Volumes[i].Bricks, func(b glustercli.Brick) bool { return !b.Local() })
	}
	return server
}

// Heal returns the heal backlog of all started volumes that are replicated or dispersed.
func (c Collector) Heal(ctx context.Context) status.Heal {
	gluster := c.gluster()
	volumes, err := c.volumes(ctx, gluster)
	if err != nil {
		return status.Heal{Failure: reason("the volumes", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, healLimit)
	defer cancel()
	var (
		heal  status.Heal
		mu    sync.Mutex
		group errgroup.Group // without a shared context: an error of one volume does not cancel the others
	)
	group.SetLimit(healsAtOnce)
	for _, v := range volumes {
		if !v.Started() || !v.Heals() {
			continue
		}
		group.Go(func() error {
			found := status.VolumeHeal{Name: v.Name}
			var err error
			if ctx.Err() == nil {
				found.Summary, err = gluster.HealSummary(ctx, v.Name)
			}
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() != nil {
				heal.Skipped++
				return nil
			}
			if err != nil {
				found.Failure = plain.Line(err.Error(), mostReason)
			}
			heal.Volumes = append(heal.Volumes, found)
			return nil
		})
	}
	_ = group.Wait()
	slices.SortFunc(heal.Volumes, func(a, b status.VolumeHeal) int { return cmp.Compare(a.Name, b.Name) })
	return heal
}

// gluster returns a CLI with a separate file for glusterd's state, which no other process uses at the same time.
func (c Collector) gluster() *cli.CLI {
	return &cli.CLI{Runner: c.Runner, Limits: cli.DefaultLimits(), RunDir: c.RunDir, StateFile: fmt.Sprintf("glusterfs-storage-status-%d", os.Getpid())}
}

func (c Collector) volumes(ctx context.Context, gluster *cli.CLI) ([]glustercli.Volume, error) {
	defer os.Remove(filepath.Join(c.RunDir, gluster.StateFile)) // it may not have been written
	return gluster.Volumes(ctx)
}

func reason(what string, err error) string {
	return plain.Line(fmt.Sprintf("%s cannot be read: %v", what, err), mostReason)
}
