package integration

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestRecordAlertSeries makes the driver fail in the ways that the chart's alerts are about, and writes its metrics before, during
// and after each failure into build/alert-series. "make alert-series" runs it and copies the files to test/chart, where
// TestAlertsFireOnRecordedSeries tries the alerts with them. test-integration leaves it out.
func TestRecordAlertSeries(t *testing.T) {
	dir := filepath.Join(buildDir(), "alert-series")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, record := range alertScenarios() {
		t.Run(name, func(t *testing.T) {
			m := &metricsRecorder{rig: newRig(t)}
			record(m)
			m.ok(os.WriteFile(filepath.Join(dir, name+".txt"), []byte(m.text()), 0o644), "write the series")
		})
	}
}

// metricsRecorder reads the metrics of one process of the driver at several moments.
type metricsRecorder struct {
	*rig
	url     string
	moments []moment
}

type moment struct {
	what   string
	values map[string]string // by name and labels
}

// start runs a process of the driver with metrics and more arguments until the test ends. Its counters begin at 0.
func (m *metricsRecorder) start(process *lab.DriverProcess, machine *lab.Machine, args ...string) {
	m.Helper()
	address := machine.IP + ":9090"
	m.url = "http://" + address + "/metrics"
	m.ok(process.Stop(m.call()), "stop the driver")
	m.ok(process.WithArgs(append(args, "--metrics-address="+address)...).Start(m.call()), "start the driver with metrics")
}

// node starts the node plugin of the first node with metrics, until the test ends.
func (m *metricsRecorder) node(args ...string) *node {
	m.Helper()
	n := m.nodes[0]
	m.Cleanup(func() { m.ok(n.plugin.Restart(m.call()), "restart the node plugin without metrics") })
	m.start(n.plugin, n.Machine, args...)
	return n
}

func (m *metricsRecorder) controllerWithMetrics() {
	m.Helper()
	c := m.lab.Controller()
	m.Cleanup(func() { m.ok(c.Restart(m.call()), "restart the controller without metrics") })
	m.start(c, m.lab.Hub())
}

// recorded matches the metrics that alerts may select. Sizes and durations are different in each recording.
var recorded = regexp.MustCompile(`^((?:glusterfs_csi_\w+|grpc_server_handled_total|process_start_time_seconds)(?:\{.*\})?) (\S+)$`)

var notRecorded = regexp.MustCompile(`^\w+_(bucket|sum|bytes)\b`)

func (m *metricsRecorder) scrape() map[string]string {
	m.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: m.lab.DialContext, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(m.call(), http.MethodGet, m.url, nil)
	m.ok(err, "request")
	response, err := client.Do(request)
	m.ok(err, "read the metrics")
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	m.ok(err, "read the metrics")
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if match := recorded.FindStringSubmatch(strings.TrimSpace(line)); match != nil && !notRecorded.MatchString(match[1]) {
			values[match[1]] = match[2]
		}
	}
	return values
}

// record records the metrics of this moment.
func (m *metricsRecorder) record(what string) {
	m.Helper()
	m.moments = append(m.moments, moment{what, m.scrape()})
}

// recordWhen waits until metrics have these values, and records the metrics.
func (m *metricsRecorder) recordWhen(want map[string]string, what string) {
	m.Helper()
	m.eventually(examinationLimit, what, func() error {
		now := m.scrape()
		for metric, value := range want {
			if now[metric] != value {
				return fmt.Errorf("%s is %q, want %q", metric, now[metric], value)
			}
		}
		m.moments = append(m.moments, moment{what, now})
		return nil
	})
}

// text returns the recording: the moments, each with all series that are not 0 at each of them.
func (m *metricsRecorder) text() string {
	m.Helper()
	keep := map[string]bool{}
	for _, moment := range m.moments {
		for series, value := range moment.values {
			keep[series] = keep[series] || value != "0"
		}
	}
	var text strings.Builder
	for _, moment := range m.moments {
		fmt.Fprintf(&text, "# %s\n", moment.what)
		for _, series := range slices.Sorted(maps.Keys(moment.values)) {
			if keep[series] {
				fmt.Fprintf(&text, "%s %s\n", series, moment.values[series])
			}
		}
	}
	return text.String()
}
