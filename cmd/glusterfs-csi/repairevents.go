package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
)

// repairObserver reports repairs as metrics and, if enabled, as events.
type repairObserver struct {
	metrics      *metrics.Healing
	events       *kube.Events // nil if events are off
	publications func(volumeID string) []fuseclient.Publication
}

// ClientEnded implements healing.Observer.
func (o *repairObserver) ClientEnded(volumeID string, hung time.Duration) {
	message := "The volume's GlusterFS client has ended"
	if hung > 0 {
		o.metrics.Hung()
		message = fmt.Sprintf("The volume's GlusterFS client had not answered for %s, and was ended", hung.Round(time.Second))
	}
	message += "; a new one is started. Calls in progress fail, and so does access to files that were open"
	o.each(volumeID, func(p fuseclient.Publication, newPV, newPod bool) {
		if newPV {
			o.events.Volume(p.PV, kube.EventWarning, kube.ClientEnded, message)
		}
		if newPod {
			o.events.Pod(p.Pod, kube.EventWarning, kube.ClientEnded, message)
		}
	})
}

// each calls the function fn with the publications of a volume, if events are on. newPV and newPod are true for the first
// publication of a PersistentVolume and of a pod.
func (o *repairObserver) each(volumeID string, fn func(p fuseclient.Publication, newPV, newPod bool)) {
	if o.events == nil {
		return
	}
	known := map[string]bool{"": true}
	for _, p := range o.publications(volumeID) {
		newPV, newPod := !known["pv "+p.PV] && p.PV != "", !known[p.Pod.UID]
		known["pv "+p.PV], known[p.Pod.UID] = true, true
		fn(p, newPV, newPod)
	}
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
	o.report(outcome, kube.MountsRestored, "The bricks or options of the volume had changed, or bricks had been away; mounts inside the volume that the kernel dropped were restored")
}

// WroteBeneath implements healing.Observer.
func (o *repairObserver) WroteBeneath(volumeID string, written []healing.Written) {
	o.each(volumeID, func(p fuseclient.Publication, _, newPod bool) {
		for _, w := range written {
			if newPod && w.Pod == p.Pod.UID {
				o.events.Pod(p.Pod, kube.EventWarning, kube.WroteBelowMount, fmt.Sprintf("The mount at %s was temporarily missing. Since the mount was "+
					"last seen, these files changed in the volume's directory beneath the mount, which hides them now: %s. Copy the files from a pod that mounts only the volume", w.Point, named(w)))
			}
		}
	})
}

func named(w healing.Written) string {
	names := make([]string, 0, len(w.Names)+1)
	for _, name := range w.Names {
		names = append(names, strconv.Quote(name))
	}
	if w.More {
		names = append(names, "and more")
	}
	return strings.Join(names, ", ")
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
	message := fmt.Sprintf("%s: %d mounts, %s", what, outcome.Mounts, outcome.Took.Round(time.Millisecond))
	o.each(outcome.VolumeID, func(p fuseclient.Publication, newPV, newPod bool) {
		if newPV && outcome.Mounts > 0 {
			o.events.Volume(p.PV, kube.EventNormal, reason, message)
		}
		if !newPod {
			return
		}
		if slices.Contains(outcome.Pods, p.Pod.UID) {
			o.events.Pod(p.Pod, kube.EventNormal, reason, message)
		}
		for _, loss := range outcome.Lost {
			if loss.Pod == p.Pod.UID {
				o.events.Pod(p.Pod, kube.EventWarning, kube.MountNotHealed,
					fmt.Sprintf("The mount at %s cannot be repaired: %s; %s", loss.Point, loss.Reason, loss.Cure()))
			}
		}
		for _, layers := range outcome.Layers {
			if layers.Pod == p.Pod.UID {
				o.events.Pod(p.Pod, kube.EventWarning, kube.ClientEnded, fmt.Sprintf("The mount at %s works, and %d dead mounts lie beneath it. "+
					"Linux before 6.5 cannot remove them: restart the pod at a convenient time, and find out why clients end", layers.Point, layers.Dead))
			}
		}
	})
}
