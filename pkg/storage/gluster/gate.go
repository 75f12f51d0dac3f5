package gluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
)

// gate holds back a node after its start until its peers, bricks and self-heal are ready. Once the gate is open, it only checks
// this node's bricks: a rolling update must stop while one of them is offline. A failed peer must not make other nodes unready.
type gate struct {
	gluster     *cli.CLI
	mounter     *mounter
	limits      limits
	healTimeout time.Duration
	report      func(stage string)

	open       bool
	nextBricks time.Time // time of the next check of the bricks, once the gate is open
	bricks     error     // result of the last check, once the gate is open

	waiting   time.Time       // when self-heal became the only thing left to wait for
	healed    map[string]bool // volumes whose backlog was empty at least once since the bricks were online: under load, the backlogs are never all empty at once
	notBefore time.Time       // time of the next query of the backlog, which puts load on the bricks
	backlog   error           // result of the last query
}

// Advice for failures that do not pass by themselves. It precedes the list, because a probe's answer may be cut at its end.
const (
	peerIsLost = " (if one is lost for good: heketi-cli device disable and remove for its devices, device delete --force-forget, " +
		"node delete; then gluster peer detach HOST force)"
	deviceIsLost = " (if a device is lost for good: heketi-cli device disable, device remove, device delete --force-forget)"
)

// pass opens the gate and returns nil if the node is ready. Otherwise it returns an error that names what the node waits for.
func (g *gate) pass(ctx context.Context, peers []glustercli.Peer) error {
	err := g.checkPeers(peers)
	var volumes []glustercli.Volume
	if err == nil {
		volumes, err = g.checkBricks(ctx)
	}
	if err != nil {
		clear(g.healed) // volumes that were healed may have changed since
		g.waiting = time.Time{}
		return err
	}
	if g.waiting.IsZero() {
		g.waiting = time.Now()
	}
	if err := g.checkHeal(ctx, volumes); err != nil {
		if g.healTimeout == 0 || time.Since(g.waiting) < g.healTimeout {
			return err
		}
		klog.FromContext(ctx).Error(err, "Ready although volumes are not healed", "healTimeout", g.healTimeout.String())
	}
	g.open, g.nextBricks = true, time.Now().Add(g.limits.bricksPause)
	klog.FromContext(ctx).Info("Ready", "peers", len(peers)-1, "volumes", len(volumes))
	return nil
}

// stillOnline returns an error if a brick of this node is offline or glusterd does not answer. One command shows both, since
// glusterd returns the state. The kubelet probes every ten seconds. The command runs for each probe while there is an error, and
// otherwise for one probe in two. The state that a probe uses is therefore at most ten seconds old.
func (g *gate) stillOnline(ctx context.Context) error {
	if g.bricks == nil && time.Now().Before(g.nextBricks) {
		return nil
	}
	_, g.bricks = g.checkBricks(ctx)
	g.nextBricks = time.Now().Add(g.limits.bricksPause)
	return g.bricks
}

// lookSoon makes the next probe check the bricks. glusterd has ended, and the next glusterd possibly does not find all bricks.
func (g *gate) lookSoon() { g.nextBricks = time.Time{} }

func (*gate) checkPeers(peers []glustercli.Peer) error {
	var missing []string
	for _, p := range peers {
		if !p.InCluster() {
			missing = append(missing, p.Hostname+" is "+p.Condition())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("not all peers are connected and in the cluster%s: %s", peerIsLost, few(missing))
}

// checkBricks returns the volumes, and an error if a brick of this node is offline.
func (g *gate) checkBricks(ctx context.Context) ([]glustercli.Volume, error) {
	g.report("gluster get-state")
	volumes, err := g.gluster.Volumes(ctx)
	if err != nil {
		return nil, fmt.Errorf("glusterd's state cannot be read: %w", err)
	}
	var offline []string
	for _, v := range volumes {
		if !v.Started() {
			continue
		}
		for _, b := range v.Bricks {
			if b.Local() && !b.Started() {
				offline = append(offline, g.offline(v, b))
			}
		}
	}
	if len(offline) > 0 {
		return nil, fmt.Errorf("not all bricks of this node are online%s: %s", deviceIsLost, few(offline))
	}
	return volumes, nil
}

func (g *gate) offline(v glustercli.Volume, b glustercli.Brick) string {
	text := fmt.Sprintf("volume %s has brick %s %s", v.Name, b.Path, strings.ToLower(b.Status))
	if _, path, ok := strings.Cut(b.Path, ":/"); ok {
		if err := g.mounter.problem("/" + path); err != nil {
			text += fmt.Sprintf(", since its file system is not mounted: %v", err)
		}
	}
	return text
}

// checkHeal queries the volumes whose backlog has not been empty yet.
func (g *gate) checkHeal(ctx context.Context, volumes []glustercli.Volume) error {
	if g.backlog != nil && time.Now().Before(g.notBefore) {
		return g.backlog
	}
	begun := time.Now()
	var waiting []string
	for _, v := range volumes {
		if !v.Started() || !v.Heals() || g.healed[v.Name] {
			continue
		}
		if err := g.checkVolume(ctx, v.Name); err != nil {
			waiting = append(waiting, err.Error())
		} else {
			g.healed[v.Name] = true
		}
	}
	g.backlog = nil
	if len(waiting) > 0 {
		g.backlog = errors.New(few(waiting))
	}
	// A long crawl is followed by an equally long pause.
	g.notBefore = time.Now().Add(max(g.limits.healPause, time.Since(begun)))
	return g.backlog
}

// checkVolume returns an error if entries of a volume wait for self-heal. Entries in split-brain do not count: self-heal never
// repairs them, and they would hold back all nodes for ever.
func (g *gate) checkVolume(ctx context.Context, volume string) error {
	g.report("gluster volume heal " + volume + " info summary")
	summary, err := g.gluster.HealSummary(ctx, volume)
	if failed, ok := errors.AsType[*glustercli.FailedError](err); ok {
		return fmt.Errorf("volume %s: the heal backlog cannot be read: %s", volume, failed.Message)
	}
	switch {
	case err != nil:
		return fmt.Errorf("volume %s: the heal backlog cannot be read: %w", volume, err)
	case summary.Pending > 0:
		return fmt.Errorf("volume %s: %d entries wait for self-heal", volume, summary.Pending)
	case len(summary.Unknown) > 0:
		return fmt.Errorf("volume %s: the heal backlog of %s is not known", volume, few(summary.Unknown))
	case summary.SplitBrain > 0:
		klog.FromContext(ctx).Info("Entries are in split-brain; gluster volume heal VOLUME info split-brain lists them", "volume", volume, "entries", summary.SplitBrain)
	}
	return nil
}

// few lists the first three things, and adds the number of the others.
func few(things []string) string { return plain.Few(things, 3, "; ", "; and ") }
