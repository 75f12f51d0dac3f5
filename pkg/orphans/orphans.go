// Package orphans compares the volumes in Heketi with the PersistentVolumes in Kubernetes, once (Find) or periodically (Watcher).
// It reports the differences and deletes nothing. The PersistentVolumes must be those of all clusters that use the backends.
//
// Find also reports a volume whose PersistentVolume is just being made. A Watcher reports a difference only if two successive
// comparisons have found it. Run of a Watcher must be called only once; it returns when its context is done. A backend that
// cannot be read, or whose answer cannot be trusted, is reported as unknown, and its volumes are not compared.
package orphans

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The checks, by their names in findings.
const (
	checkUnknown    = "backend-unknown"
	checkOrphan     = "volume-without-pv"
	checkNoVolume   = "pv-without-volume"
	checkPending    = "pv-volume-pending"
	checkMismatch   = "pv-mismatch"
	checkOperations = "operations-left-behind"
	checkSummary    = "compared"
)

// PV is one of the compared PersistentVolumes.
type PV = persistentvolume.PV

// Find compares the backends with the PersistentVolumes of all Kubernetes clusters that use them; driver is the driver's name in
// these clusters. It queries the backends concurrently, and returns the findings, the most severe first.
func Find(ctx context.Context, backends []*heketi.Backend, driver string, pvs []PV) []report.Finding {
	var findings []report.Finding
	for _, r := range compare(ctx, backends, driver, pvs) {
		for _, f := range r.findings {
			findings = append(findings, f.Finding)
		}
	}
	report.Sort(findings)
	return findings
}

// result holds the findings of one comparison about a backend. Backend "" stands for findings that do not belong to exactly one
// configured backend.
type result struct {
	backend  string
	unknown  bool // there is no conclusion; the only finding gives the reason
	findings []finding
}

// finding is a report.Finding with the ids or names of the volumes, operations, PersistentVolumes or backends that it is about.
// The ids and names are the same in every comparison.
type finding struct {
	report.Finding
	ids []string
}

func compare(ctx context.Context, backends []*heketi.Backend, driver string, pvs []PV) []result {
	c := newComparison(driver, pvs)
	results := make([]result, len(backends)+1)
	results[0] = result{findings: append(c.unconfigured(backends), c.twice()...)}
	var group errgroup.Group
	for i, b := range backends {
		group.Go(func() error {
			results[i+1] = c.backend(ctx, b)
			return nil
		})
	}
	_ = group.Wait()
	return results
}

// comparison holds what is known before the first query to a Heketi.
type comparison struct {
	driver    string
	ours      bool            // there are PersistentVolumes of the driver
	byBackend map[string][]pv // by backend: the driver's PersistentVolumes whose handles name a Heketi volume
	byID      map[string][]pv // the same PersistentVolumes, by Heketi's id, which is unique even among several backends
	names     map[string][]PV // by name of the gluster volume: all PersistentVolumes that mount it, of any driver
}

// pv is a PersistentVolume with its handle.
type pv struct {
	PV
	handle volume.Handle
}

func newComparison(driver string, pvs []PV) comparison {
	c := comparison{driver: driver, byBackend: map[string][]pv{}, byID: map[string][]pv{}, names: map[string][]PV{}}
	for _, each := range pvs {
		if name := glusterName(each); name != "" {
			c.names[name] = append(c.names[name], each)
		}
		if each.Driver != driver {
			continue
		}
		c.ours = true
		handle, err := volume.ParseHandle(each.Handle)
		if err != nil {
			continue // a static volume, which Heketi need not have
		}
		c.byBackend[handle.Backend] = append(c.byBackend[handle.Backend], pv{each, handle})
		c.byID[handle.ID] = append(c.byID[handle.ID], pv{each, handle})
	}
	return c
}

// unconfigured finds PersistentVolumes that cannot be checked, because their backend is not configured.
func (c comparison) unconfigured(backends []*heketi.Backend) []finding {
	var findings []finding
	for _, name := range slices.Sorted(maps.Keys(c.byBackend)) {
		if slices.ContainsFunc(backends, func(b *heketi.Backend) bool { return b.Name() == name }) {
			continue
		}
		findings = append(findings, finding{report.Finding{
			Severity: report.Warning, Check: checkUnknown, Subject: fmt.Sprintf("backend %q", name),
			Message: fmt.Sprintf("it is not configured, so it is unknown whether the volumes of its %d PersistentVolumes exist: %s",
				len(c.byBackend[name]), pvNames(c.byBackend[name])),
			Remedy: "add the backend to the configuration, under this name; until then these volumes can be neither deleted nor expanded",
		}, []string{name}})
	}
	return findings
}

// twice finds PersistentVolumes of the same volume: deleting one deletes the other's data.
func (c comparison) twice() []finding {
	var findings []finding
	for _, id := range slices.Sorted(maps.Keys(c.byID)) {
		if len(c.byID[id]) > 1 {
			findings = append(findings, finding{report.Finding{
				Severity: report.Warning, Check: checkMismatch, Subject: "volume " + id,
				Message: "several PersistentVolumes stand for this volume: " + pvNames(c.byID[id]) + "; with reclaim policy Delete, deleting one deletes the data of all",
				Remedy:  "set their reclaim policy to Retain, or keep only one of them",
			}, []string{id}})
		}
	}
	return findings
}

// backend compares one backend. If Heketi cannot be read, or its answer cannot be trusted, the result is unknown.
func (c comparison) backend(ctx context.Context, b *heketi.Backend) result {
	subject := backendreport.Subject(b)
	unknown := func(message, remedy string) result {
		return result{backend: b.Name(), unknown: true, findings: []finding{{Finding: report.Finding{
			Severity: report.Warning, Check: checkUnknown, Subject: subject,
			Message: fmt.Sprintf("cannot be compared, so its volumes and the %d PersistentVolumes that have them are not checked: %s",
				len(c.byBackend[b.Name()]), message),
			Remedy: remedy,
		}}}}
	}
	client, err := b.Client(volume.Credentials{})
	if err != nil {
		return unknown(backendreport.Explain(err))
	}
	// Read the operations before the dump: an operation that ends in between is then in the list, and only the dump lacks it.
	operations, err := client.Operations(ctx)
	if err != nil {
		return unknown(backendreport.Explain(err))
	}
	dump, err := client.Dump(ctx)
	switch {
	case err != nil:
		return unknown(backendreport.Explain(err))
	case len(dump.Clusters) == 0:
		return unknown(heketi.HintNoClusters, "restore its database; until then delete nothing, neither volumes nor PersistentVolumes")
	case c.foreign(b, dump):
		return unknown("it has none of the clusters that the PersistentVolumes name, so its database is probably not the one that has the volumes",
			"check the backend's url, or restore the database; until then delete nothing, neither volumes nor PersistentVolumes")
	}
	k := comparedBackend{comparison: c, b: b, subject: subject, dump: dump}
	findings := append(k.volumesWithoutPV(), k.pvs()...)
	left := slices.DeleteFunc(operations, func(op heketi.Operation) bool { return op.Status == "" })
	if len(left) > 0 {
		f := finding{Finding: backendreport.LeftBehind(b, dump, left, checkOperations)}
		for _, op := range left {
			f.ids = append(f.ids, op.ID)
		}
		findings = append(findings, f)
	}
	return result{backend: b.Name(), findings: append(findings, finding{Finding: k.summary()})}
}

// foreign reports whether the PersistentVolumes name clusters and Heketi has none of them.
func (c comparison) foreign(b *heketi.Backend, dump heketi.Dump) bool {
	named := false
	for _, pv := range c.byBackend[b.Name()] {
		cluster := pv.Context[volume.ContextCluster]
		if _, ok := dump.Clusters[cluster]; ok {
			return false
		}
		named = named || cluster != ""
	}
	return named
}

// glusterName returns the name of the gluster volume that the PersistentVolume mounts.
func glusterName(pv PV) string {
	if pv.Gluster != "" {
		return firstPart(pv.Gluster)
	}
	return firstPart(pv.Context[volume.ContextVolume])
}

func firstPart(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// pvNames returns the first few names.
func pvNames(pvs []pv) string {
	names := make([]string, 0, len(pvs))
	for _, pv := range pvs {
		names = append(names, pv.Name)
	}
	return plain.Few(names, 5, ", ", " and ")
}
