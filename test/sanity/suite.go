// Package sanity runs csi-sanity, the conformance tests of kubernetes-csi, and accounts for every test that is skipped: none is
// skipped silently.
package sanity

import (
	"maps"
	"slices"
	"testing"

	csisanity "github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"
)

// Run runs the suite against the driver that config names. It fails if a test fails, if a skipped test is not in Skipped, or if a
// test in Skipped was not skipped. A process can call it only once, because Ginkgo can run only once.
func Run(t *testing.T, config csisanity.TestConfig) {
	t.Helper()
	var report ginkgo.Report
	ginkgo.ReportAfterSuite("keep the report", func(r ginkgo.Report) { report = r })
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite := csisanity.GinkgoTest(&config)
	defer suite.Finalize()
	_, reporter := ginkgo.GinkgoConfiguration()
	reporter.NoColor = true // the output is also logged
	if !ginkgo.RunSpecs(t, "csi-sanity", reporter) {
		t.Error("csi-sanity failed")
	}
	account(t, report.SpecReports, Skipped())
}

// account compares the skipped tests with those that may be skipped.
func account(tb testing.TB, specs types.SpecReports, allowed map[string]string) {
	tb.Helper()
	specs = specs.WithLeafNodeType(types.NodeTypeIt)
	left := map[string]string{} // reason by name
	for _, spec := range specs.WithState(types.SpecStateSkipped | types.SpecStatePending) {
		left[spec.FullText()] = spec.Failure.Message
	}
	tb.Logf("csi-sanity: %d tests, %d passed, %d failed, %d left out", len(specs),
		specs.CountWithState(types.SpecStatePassed), specs.CountWithState(types.SpecStateFailureStates), len(left))
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if reason, ok := allowed[name]; ok {
			tb.Logf("left out: %s (%s)", name, reason)
		} else {
			tb.Errorf("left out, and not in the list of this package: %s (%s)", name, left[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		if _, ok := left[name]; !ok {
			tb.Errorf("in the list of what is left out, but it was not: %s", name)
		}
	}
}
