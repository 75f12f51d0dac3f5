package orphans

import (
	"context"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// ConfirmAfter is the minimum time between two comparisons. A create whose answer was lost is repeated after at most five minutes
// (external-provisioner, --retry-interval-max). Until then its volume has no PersistentVolume, but is not an orphan.
const ConfirmAfter = 10 * time.Minute

// Observer is told what a Watcher finds. Backend "" stands for findings that do not belong to exactly one configured backend.
type Observer interface {
	// Began is called before the first comparison of the backend.
	Began(backend string)
	// Compared is called after every successful comparison of the backend. counts has the number of confirmed orphans of every
	// possible kind, including 0. After the first comparison counts is nil, because no orphan can have been seen twice.
	Compared(backend string, counts map[string]int)
	// Forgotten is called when the backend is no longer configured.
	Forgotten(backend string)
}

// Watcher looks for orphans periodically. It reports an orphan only if two successive comparisons have found it. So it does not
// report a volume whose PersistentVolume is still being made, or a PersistentVolume that is deleted shortly after its volume. All
// exported fields must be set.
type Watcher struct {
	Backends func() []*heketi.Backend                // the backends configured now
	PVs      func(ctx context.Context) ([]PV, error) // the PersistentVolumes of all clusters that use the backends
	Driver   string
	Interval time.Duration // between comparisons, at least ConfirmAfter; between the first two it is always ConfirmAfter
	Observer Observer

	histories map[string]*history // by backend
}

// history holds the results of earlier comparisons of one backend.
type history struct {
	compared  bool // at least once, successfully
	last      map[orphan]bool
	confirmed map[orphan]bool
}

// orphan identifies a finding that needs attention: by its check and its subject.
type orphan struct{ kind, id string }

func (o orphan) String() string { return o.kind + " " + o.id }

// Run compares until ctx is done.
func (w *Watcher) Run(ctx context.Context) {
	w.compare(ctx)
	for pause := ConfirmAfter; sleep(ctx, pause); pause = w.Interval {
		w.compare(ctx)
	}
}

// sleep returns false if ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// compare runs one comparison. A backend that cannot be read keeps its history.
func (w *Watcher) compare(ctx context.Context) {
	logger := klog.FromContext(ctx)
	backends := w.Backends()
	w.follow(backends)
	pvs, err := w.PVs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			logger.Error(err, "Cannot look for orphans: the PersistentVolumes are unknown")
		}
		return
	}
	results := compare(ctx, backends, w.Driver, pvs)
	if ctx.Err() != nil {
		return
	}
	for _, r := range results {
		if r.unknown {
			logger.Info("Cannot look for orphans of a backend", "backend", r.backend, "reason", r.findings[0].Message)
			continue
		}
		w.update(logger, r)
	}
}

// follow keeps the history of each backend that is configured now, and one history for the findings of backend "".
func (w *Watcher) follow(backends []*heketi.Backend) {
	now := map[string]*history{}
	for _, name := range slices.Concat(names(backends), []string{""}) {
		if now[name] = w.histories[name]; now[name] == nil {
			now[name] = &history{}
			w.Observer.Began(name)
		}
	}
	for name := range w.histories {
		if now[name] == nil {
			w.Observer.Forgotten(name)
		}
	}
	w.histories = now
}

func names(backends []*heketi.Backend) []string {
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = b.Name()
	}
	return names
}

// update compares a result with the previous one.
func (w *Watcher) update(logger klog.Logger, r result) {
	now, h := r.orphans(), w.histories[r.backend]
	if !h.compared {
		h.compared, h.last = true, now
		w.Observer.Compared(r.backend, nil)
		return
	}
	confirmed := map[orphan]bool{}
	for o := range now {
		if h.last[o] {
			confirmed[o] = true
		}
	}
	found, gone := without(confirmed, h.confirmed), without(h.confirmed, confirmed)
	h.last, h.confirmed = now, confirmed
	w.Observer.Compared(r.backend, r.count(confirmed))
	if len(found)+len(gone) > 0 {
		logger.Info("The orphans have changed; the command glusterfs-csi orphans shows what to do about them",
			"backend", r.backend, "total", len(confirmed), "found", brief(found), "gone", brief(gone))
	}
}

// orphans returns the findings that need attention.
func (r result) orphans() map[orphan]bool {
	found := map[orphan]bool{}
	for _, f := range r.findings {
		if f.Severity != report.Critical && f.Severity != report.Warning {
			continue
		}
		for _, id := range f.ids {
			found[orphan{f.Check, id}] = true
		}
	}
	return found
}

// count returns the number of orphans of each kind that the backend can have, including 0.
func (r result) count(orphans map[orphan]bool) map[string]int {
	counts := map[string]int{checkOrphan: 0, checkNoVolume: 0, checkMismatch: 0, checkOperations: 0}
	if r.backend == "" {
		counts = map[string]int{checkUnknown: 0, checkMismatch: 0}
	}
	for o := range orphans {
		counts[o.kind]++
	}
	return counts
}

// without returns the elements of a that are not in b.
func without(a, b map[orphan]bool) []string {
	var only []string
	for o := range a {
		if !b[o] {
			only = append(only, o.String())
		}
	}
	slices.Sort(only)
	return only
}

// brief shortens a list for a log line.
func brief(orphans []string) string { return plain.Few(orphans, 10, ", ", " and ") }
