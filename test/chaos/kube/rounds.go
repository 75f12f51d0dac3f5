package kube

import (
	"context"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/rounds"
)

// Round is a round on Kubernetes.
type Round = rounds.Round[*Rig]

// healedSoon is the time within which most calls must succeed again after the death of a client, with busy pods on the same
// machine.
const healedSoon = 2 * time.Second

// Rounds returns all rounds on Kubernetes. upgrade is the duration of the last round.
func Rounds(upgrade time.Duration) []Round {
	return []Round{
		{Name: "pod-deleted-20", Do: living(deleted(20))},
		{Name: "pod-killed", Do: living(killed)},
		{Name: "pod-evicted", Do: living(evicted)},
		{Name: "pod-out-of-memory", Do: living(outOfMemory)},
		{Name: "rolled-out-and-back", Do: living(rolledOutAndBack)},
		{Name: "old-image-removed", Gap: true, Do: oldImageRemoved},
		{Name: "uninstalled-and-installed", Do: uninstalledAndInstalled},
		{Name: "kubelet-restarted-3", Do: living(kubeletRestarted(3))},
		{Name: "containerd-restarted-3", Do: living(containerdRestarted(3))},
		{Name: "kubelet-restarted-3+pod-deleted-5", Do: living(rounds.Both(kubeletRestarted(3), deleted(5)))},
		{Name: "containerd-restarted-3+rolled-out-and-back", Do: living(rounds.Both(containerdRestarted(3), rolledOutAndBack))},
		{Name: "pod-clients-killed-20", Deaths: true, Within: healedSoon, Do: living(clientsKilled(20))},
		{Name: "pod-killed+clients-killed", Deaths: true, Do: killedWhilePluginDown},
		{Name: "claim-option-set", Gap: true, Do: optionSet},
		{Name: "claim-expanded", Gap: true, Do: volumesExpanded},
		Upgrade(upgrade),
	}
}

// Upgrade returns the round that rolls out the previous image, the present one and the previous one again, and lets each run for
// a third of the time. At the end it rolls out the present image.
func Upgrade(length time.Duration) Round {
	return Round{Name: "upgrade-" + short(length), Once: true, Do: func(ctx context.Context, r *Rig) error {
		for _, tag := range []string{previousTag, "", previousTag} {
			if err := r.rollTo(ctx, tag); err != nil {
				return err
			}
			for end := time.Now().Add(length / 3); time.Now().Before(end) && ctx.Err() == nil; {
				if err := r.live(ctx); err != nil {
					return err
				}
				time.Sleep(min(5*time.Second, max(0, time.Until(end))))
			}
		}
		return r.rollTo(ctx, "")
	}}
}

// short formats 1h0m0s as 60m and 90s as 90s.
func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// Named returns the round of a name.
func Named(name string) Round {
	for _, r := range Rounds(0) {
		if r.Name == name {
			return r
		}
	}
	return Round{Name: name, Do: func(context.Context, *Rig) error { return fmt.Errorf("there is no round %q", name) }}
}

// living does something while pods with the spare volume are created and deleted.
func living(do func(context.Context, *Rig) error) func(context.Context, *Rig) error {
	return rounds.WhileLiving(do, func(ctx context.Context, r *Rig) error { return r.live(ctx) })
}
