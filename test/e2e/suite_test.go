package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// suiteProcs is how many specs run at a time. They wait most of the time.
const suiteProcs = 8

// TestStorageSuite runs all of the storage suite that Kubernetes has for drivers like this one. Only the suite itself leaves
// specs out, because testdata/driver.yaml does not claim the feature. docs/conformance.md must agree: for each spec of the newest
// Kubernetes, and for older ones in the number that pass.
//
// The suite spends most of its time in gluster's commands, one after another. Volumes of one brick need fewer.
func TestStorageSuite(t *testing.T) {
	d := theDriver(t)
	undoUpgrades(t, d)
	// The classes bind at once. For such classes, the chart publishes capacity only if it is told to.
	ok(t, d.Upgrade(t.Context(), "storageCapacity.forImmediateBinding=true"))
	up(t, singleClass, "")
	for _, set := range []struct{ name, labels, class, documented string }{
		{"fast", "!Slow && !Serial", singleClassName, "fast"},
		{"fast on three copies", "!Slow && !Serial", driver.DefaultClass, "fast"},
		{"slow", "Slow || Serial", driver.DefaultClass, "slow"},
	} {
		t.Run(set.name, func(t *testing.T) {
			report := runSuite(t, strings.ReplaceAll(set.name, " ", "-"), set.labels, set.class)
			for _, reason := range report.SpecialSuiteFailureReasons {
				t.Error(reason)
			}
			got := tally(t, report)
			t.Logf("%d specs passed in %s; left out by the suite itself: %d", got.passed, report.RunTime.Round(time.Second), got.leftOut())
			if got.passed == 0 {
				t.Error("no spec ran")
			}
			if !report.SuiteSucceeded && !t.Failed() {
				t.Error("the suite did not succeed")
			}
			if version := kubernetesVersion(t); version.Minor == versions.Newest().Minor {
				compare(t, set.documented, got)
			} else if set.documented == "fast" && got.passed != version.FastSpecs {
				t.Errorf("fast specs of %s passed: %d, documented: %d", version.Release, got.passed, version.FastSpecs)
			}
		})
	}
}

// runSuite runs the specs and leaves report and log in build/e2e-suite.
func runSuite(t *testing.T, set, labels, class string) types.Report {
	t.Helper()
	dir := absolute(t, buildDir(), "e2e-suite") // ginkgo changes its directory
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	driverFile := filepath.Join(dir, set+"-driver.yaml")
	template, err := os.ReadFile(filepath.Join("testdata", "driver.yaml"))
	ok(t, err)
	ok(t, os.WriteFile(driverFile, []byte(strings.ReplaceAll(string(template), "CLASS", class)), 0o644))
	file := filepath.Join(dir, set+".json")
	if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, set+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := cluster.Command(t.Context(), "ginkgo",
		fmt.Sprintf("-procs=%d", suiteProcs), "-no-color", "-timeout=60m", "-focus=External Storage", "-label-filter="+labels,
		"-output-dir="+dir, "-json-report="+filepath.Base(file), "-junit-report="+set+".xml",
		cluster.Tool("storage-e2e.test"), "--",
		"-provider=local", "-kubeconfig="+cluster.Kubeconfig(), "-storage.testdriver="+driverFile,
		"-num-nodes=2", "-minStartupPods=0", "-e2e-output-dir="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	ended := cmd.Run()
	summary(t, log)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: %v; see %s", ended, err, log.Name())
	}
	var reports []types.Report
	if err := json.Unmarshal(data, &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 {
		t.Fatalf("%s has %d reports, want one; see %s", file, len(reports), log.Name())
	}
	if (ended == nil) != reports[0].SuiteSucceeded {
		t.Errorf("the suite ended with %v, and its report says success: %v", ended, reports[0].SuiteSucceeded)
	}
	return reports[0]
}

func absolute(t *testing.T, elem ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(elem...))
	ok(t, err)
	return path
}

// summary logs the suite's own last lines.
func summary(t *testing.T, log *os.File) {
	t.Helper()
	if _, err := log.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		for _, begin := range []string{"Ran ", "SUCCESS!", "FAIL! "} {
			if strings.HasPrefix(line, begin) {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

// suiteResult holds the results of the specs of a set.
type suiteResult struct {
	passed  int
	reasons map[string]int // why the suite left specs out, and how many
}

func (r suiteResult) leftOut() int {
	n := 0
	for _, count := range r.reasons {
		n += count
	}
	return n
}

func tally(t *testing.T, report types.Report) suiteResult {
	t.Helper()
	result := suiteResult{reasons: map[string]int{}}
	for _, spec := range report.SpecReports {
		switch {
		case spec.Failed():
			t.Errorf("%s %s: %s\n%s", spec.State, spec.FullText(), spec.Failure.Location, spec.FailureMessage())
		case spec.State == types.SpecStatePending:
			t.Errorf("pending: %s", spec.FullText())
		case spec.LeafNodeType != types.NodeTypeIt:
		case spec.State == types.SpecStatePassed:
			result.passed++
		case spec.FailureMessage() != "": // otherwise it is not of this set
			result.reasons[reason(spec.FailureMessage())]++
		}
	}
	return result
}

// reason returns why the suite leaves a spec out, in its own words but without the driver's name.
func reason(message string) string {
	for _, name := range []string{`"` + driver.Name + `"`, driver.Name} {
		message = strings.TrimPrefix(message, "Driver "+name+" ")
	}
	message, _, _ = strings.Cut(message, ": ") // details of this machine
	message = strings.TrimSuffix(message, "skipping")
	return strings.TrimRight(message, " -.")
}

// compare compares the result with docs/conformance.md.
func compare(t *testing.T, set string, got suiteResult) {
	t.Helper()
	want := documented(t, set)
	if want.passed != got.passed {
		t.Errorf("%s specs passed: %d, documented: %d", set, got.passed, want.passed)
	}
	var names []string
	for _, reasons := range []map[string]int{want.reasons, got.reasons} {
		for name := range reasons {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if got.reasons[name] != want.reasons[name] {
			t.Errorf("%s specs left out because of %q: %d, documented: %d", set, name, got.reasons[name], want.reasons[name])
		}
	}
}
