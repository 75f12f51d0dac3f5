package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
)

// repairObserver shows repairs as metrics, and as events where these are wanted.
type repairObserver struct {
	metrics      *metrics.Healing
	events       *kube.Events // nil: none
	publications func(volumeID string) []fuseclient.Publication
}

// Healed implements healing.Observer.
func (o *repairObserver) Healed(outcome healing.Outcome) {
	o.metrics.Healed(summaryOf(outcome), outcome.Took)
	o.metrics.Covered(outcome.Covered)
	o.report(outcome, kube.MountHealed, "The volume's GlusterFS client had ended; a new one has taken its place")
}

// GraphRepaired implements healing.Observer.
func (o *repairObserver) GraphRepaired(outcome healing.Outcome) {
	o.metrics.GraphRepaired(summaryOf(outcome))
	o.report(outcome, kube.MountsRestored, "The bricks or options of the volume had changed; what the kernel drops then inside the volume is mounted again")
}

func summaryOf(outcome healing.Outcome) string {
	switch {
	case len(outcome.Lost) == 0 && outcome.Known == 0 && outcome.Pending == 0:
		return metrics.OutcomeHealed
	case outcome.Mounts > 0:
		return metrics.OutcomePartly
	}
	return metrics.OutcomeFailed
}

func (o *repairObserver) report(outcome healing.Outcome, reason, what string) {
	if o.events == nil {
		return
	}
	message := fmt.Sprintf("%s: %d mounts, %s", what, outcome.Mounts, outcome.Took.Round(time.Millisecond))
	reported := map[string]bool{}
	for _, p := range o.publications(outcome.VolumeID) {
		if !reported[p.PV] && p.PV != "" && outcome.Mounts > 0 {
			o.events.Volume(p.PV, kube.EventNormal, reason, message)
		}
		if !reported[p.Pod.UID] && slices.Contains(outcome.Pods, p.Pod.UID) {
			o.events.Pod(p.Pod, kube.EventNormal, reason, message)
		}
		reported[p.PV], reported[p.Pod.UID] = true, true
		for _, loss := range outcome.Lost {
			if loss.Pod != "" && loss.Pod == p.Pod.UID {
				o.events.Pod(p.Pod, kube.EventWarning, kube.MountNotHealed,
					fmt.Sprintf("The mount at %s cannot be repaired: %s; restart the container", loss.Point, loss.Reason))
			}
		}
	}
}
