package orphans

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// TestCommandsForAPersistentVolumeWithoutVolume: the commands delete a bound claim first.
func TestCommandsForAPersistentVolumeWithoutVolume(t *testing.T) {
	const deletePV = "kubectl delete pv pvc-1"
	for name, tt := range map[string]struct {
		change   func(pv *PV)
		severity report.Severity
		commands []string
	}{
		"bound":             {func(*PV) {}, report.Critical, []string{"kubectl delete pvc --namespace default web", deletePV}},
		"without a claim":   {func(pv *PV) { pv.Claim = "" }, report.Critical, []string{deletePV}},
		"released":          {func(pv *PV) { pv.Phase = "Released" }, report.Warning, []string{deletePV}},
		"available":         {func(pv *PV) { pv.Phase, pv.Claim = "Available", "" }, report.Critical, []string{deletePV}},
		"of a failed claim": {func(pv *PV) { pv.Phase = "Failed" }, report.Critical, []string{deletePV}},
		"being deleted":     {func(pv *PV) { pv.Deleting = true }, report.Warning, []string{"kubectl delete pvc --namespace default web", deletePV}},
	} {
		f := newFixture(t)
		pv := f.pv("pvc-1", noID)
		tt.change(&pv)
		found := notOK(f.find(t, pv))
		if len(found) != 1 || found[0].Severity != tt.severity || fmt.Sprint(found[0].Commands) != fmt.Sprint(tt.commands) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestRebuiltDatabaseIsNoDeletion: the remedy keeps the PersistentVolume if the volume has another id now.
func TestRebuiltDatabaseIsNoDeletion(t *testing.T) {
	f := newFixture(t)
	pv := f.pv("pvc-1", noID)
	f.server.AddVolume(ourName("pvc-1"), f.cluster, false)
	for _, finding := range f.find(t, pv) {
		if finding.Check == checkNoVolume && (!strings.HasPrefix(finding.Remedy, "keep the PersistentVolume") || finding.Commands != nil) {
			t.Errorf("%+v", finding)
		}
	}
}

// TestAttributesThatAreAbsent: absent attributes contradict nothing.
func TestAttributesThatAreAbsent(t *testing.T) {
	f := newFixture(t)
	pv := f.made("pvc-1")
	for _, attribute := range []string{"backend", "cluster", "volume"} {
		delete(pv.Context, attribute)
		if found := notOK(f.find(t, pv)); len(found) > 0 {
			t.Errorf("without %s: %+v", attribute, found)
		}
	}
}

// TestSummary counts the driver's volumes and those of others.
func TestSummary(t *testing.T) {
	f := newFixture(t)
	pvs := []PV{f.made("pvc-1"), f.made("pvc-2"), {Name: "nfs", Driver: "nfs.csi.k8s.io"}}
	f.server.AddVolume("web", f.cluster, false)
	f.server.AddVolume(ourName("pvc-3"), f.cluster, true)
	const want = "compared; volumes: 4, of this driver: 2, PersistentVolumes: 2"
	for _, finding := range f.find(t, pvs...) {
		if finding.Severity == report.OK && finding.Message != want {
			t.Errorf("%q, want %q", finding.Message, want)
		}
	}
}

// TestRightCluster: the hint that the list is from another cluster only appears if the list has no volume of the driver.
func TestRightCluster(t *testing.T) {
	for others, want := range map[int]bool{0: true, 1: false, 2: false} {
		f := newFixture(t)
		f.made("pvc-orphan")
		pvs := make([]PV, 0, others)
		for i := range others {
			pvs = append(pvs, f.made(fmt.Sprintf("pvc-%d", i)))
		}
		found := notOK(f.find(t, pvs...))
		if len(found) != 1 || strings.Contains(found[0].Message, "right Kubernetes cluster") != want {
			t.Errorf("%d PersistentVolumes of the driver: %+v", others, found)
		}
	}
}

// TestOperationsHaveTheirOwnNames: a watcher does not confuse an operation with another orphan.
func TestOperationsHaveTheirOwnNames(t *testing.T) {
	f := newFixture(t)
	f.made("pvc-1")
	f.server.StrandDelete(f.server.VolumeIDs()[0])
	l := newComparison(driver, nil).backend(t.Context(), f.backends[0])
	if things := l.orphans(); !things[orphan{checkOperations, f.server.OperationIDs()[0]}] || len(things) != 1 {
		t.Errorf("things %v, want the operation %v", things, f.server.OperationIDs())
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[string]string{"": "under way", "stale": "stale"} {
		if got := statusOf(status); got != want {
			t.Errorf("%q: %q, want %q", status, got, want)
		}
	}
}

func statusOf(s string) string { return status(heketi.DumpOperation{Status: s}) }

// TestForeign: one known cluster is enough, and if no cluster is named there is no conclusion.
func TestForeign(t *testing.T) {
	f := newFixture(t)
	dump := heketi.Dump{Clusters: map[string]heketi.DumpCluster{"a": {}}}
	for name, tt := range map[string]struct {
		clusters []string
		want     bool
	}{
		"none":                     {nil, false},
		"the right one":            {[]string{"a"}, false},
		"another":                  {[]string{"b"}, true},
		"another and the right":    {[]string{"b", "a"}, false},
		"another and one unnamed":  {[]string{"b", ""}, true},
		"not named":                {[]string{"", ""}, false},
		"unnamed and then another": {[]string{"", "b"}, true},
	} {
		pvs := make([]PV, 0, len(tt.clusters))
		for i, cluster := range tt.clusters {
			pv := f.pv(fmt.Sprintf("pvc-%d", i), noID)
			pv.Context["cluster"] = cluster
			pvs = append(pvs, pv)
		}
		if got := newComparison(driver, pvs).foreign(f.backends[0], dump); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

// TestFirstFew: long lists are cut, and the rest is counted.
func TestFirstFew(t *testing.T) {
	const many = 12
	pvs, things := make([]pv, 0, many), make([]string, 0, many)
	for i := range many {
		pvs = append(pvs, pv{PV: PV{Name: fmt.Sprintf("p%d", i)}})
		things = append(things, fmt.Sprintf("t%d", i))
	}
	for n, want := range map[int]string{0: "", 1: "p0", 5: "p0, p1, p2, p3, p4", 6: "p0, p1, p2, p3, p4 and 1 more", 12: "p0, p1, p2, p3, p4 and 7 more"} {
		if got := pvNames(pvs[:n]); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	const ten = "t0, t1, t2, t3, t4, t5, t6, t7, t8, t9"
	for n, want := range map[int]string{0: "", 10: ten, 11: ten + " and 1 more", 12: ten + " and 2 more"} {
		if got := brief(things[:n]); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
