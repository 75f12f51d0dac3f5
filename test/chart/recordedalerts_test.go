package chart

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAlertsFireOnRecordedSeries replays what a real driver has served before, during and after failures (testdata/series, written
// by "make alert-series"). No alert fires at the first moment and three hours after the last; at the given moments, exactly the
// given alerts fire.
func TestAlertsFireOnRecordedSeries(t *testing.T) {
	names := alertNames(t)
	tests := map[string][]map[string]any{}
	tried := map[string]bool{}
	for name, r := range recordedAlerts() {
		interval := cmp.Or(r.interval, time.Minute)
		tests[seconds(interval)] = append(tests[seconds(interval)], r.test(name, interval, readRecording(t, name), names))
		for _, fires := range r.fires {
			for alert := range fires {
				tried[alert] = true
			}
		}
	}
	tryRules(t, tests) // TestAlertsFire compares the annotations
	for _, name := range names {
		if reason := notRecorded()[name]; tried[name] == (reason != "") {
			t.Errorf("%s: fires with a recording: %v; reason why there is none: %q", name, tried[name], reason)
		}
	}
}

// notRecorded returns the alerts of which there is no recording, with the reason.
func notRecorded() map[string]string {
	return map[string]string{
		"GlusterfsCSIPluginDown":        "the series is made by Prometheus",
		"GlusterfsCSIControllerMissing": "the series is made by Prometheus",
		"GlusterfsCSINodePluginMissing": "the series are of kube-state-metrics",
		"GlusterfsCSIHeketiSlow":        "an operation would have to wait for two minutes",
		"GlusterfsCSIOrphans":           "the comparison needs Kubernetes, and begins ten minutes after the controller's start",
		"GlusterfsCSIOrphansUnknown":    "the comparison needs Kubernetes, and must fail for hours",
	}
}

// recordedCase says how a recording is replayed, and which alerts fire.
type recordedCase struct {
	of       string          // labels of the process that was recorded
	interval time.Duration   // between samples; 0 means a minute
	samples  int             // that each moment lasts, and the last one 180 more; 0 means 30
	after    int             // samples of a moment before the alerts are compared; 0 means 10
	fires    map[int]firings // by moment
}

// firings are the labels of the alerts that fire.
type firings map[string]map[string]string

func recordedAlerts() map[string]recordedCase {
	callsFail := func(method string) map[string]string {
		return labelled("warning", map[string]string{"grpc_method": method})
	}
	ofBackend := func(severity string) map[string]string {
		return labelled(severity, map[string]string{"backend": "lab"})
	}
	noRoom := firings{"GlusterfsCSINoRoom": labelled("warning", nil)}
	return map[string]recordedCase{
		"plugin-restarts":     {of: ofNode, samples: 15, fires: map[int]firings{3: {"GlusterfsCSIPluginRestarts": ofContainer("warning")}}},
		"client-not-replaced": {of: ofNode, fires: map[int]firings{1: {"GlusterfsCSIClientNotReplaced": ofContainer("critical")}}},
		"clients-end":         {of: ofNode, samples: 15, fires: map[int]firings{3: {"GlusterfsCSIClientsEnd": ofContainer("warning")}}},
		"clients-hang":        {of: ofNode, fires: map[int]firings{1: {"GlusterfsCSIClientsHang": ofContainer("warning")}}},
		"clients-in-pod":      {of: ofNode, after: 20, fires: map[int]firings{1: {"GlusterfsCSIClientsInPod": ofPod("warning")}}},
		"mounts-not-repaired": {of: ofNode, fires: map[int]firings{1: {"GlusterfsCSIMountsNotRepaired": ofPod("critical")}}},
		"leftovers":           {of: ofNode, samples: 90, after: 70, fires: map[int]firings{1: {"GlusterfsCSILeftovers": ofContainer("info")}}},
		"old-clients": {
			of: ofNode, interval: 6 * time.Hour, samples: 60, after: 58, fires: map[int]firings{1: {"GlusterfsCSIOldClients": labelled("info", nil)}},
		},
		"node-calls-fail": {of: ofNode, samples: 2, after: 1, fires: map[int]firings{6: {
			"GlusterfsCSINodeCallsFail": labelled("warning", map[string]string{"pod": node, "node": "n1", "grpc_method": "NodeStageVolume"}),
		}}},
		"heketi-unavailable":     {of: ofController, samples: 5, after: 4, fires: map[int]firings{5: {"GlusterfsCSIHeketiUnavailable": labelled("critical", nil)}}},
		"heketi-unauthenticated": {of: ofController, fires: map[int]firings{1: {"GlusterfsCSIHeketiUnauthenticated": ofBackend("critical")}}},
		"controller-calls-fail":  {of: ofController, samples: 4, after: 3, fires: map[int]firings{5: {"GlusterfsCSIControllerCallsFail": callsFail("DeleteVolume")}}},
		"no-room":                {of: ofController, fires: map[int]firings{2: noRoom, 4: noRoom}},
		"heketi-outcome-unknown": {of: ofController, samples: 15, fires: map[int]firings{3: {"GlusterfsCSIHeketiOutcomeUnknown": ofBackend("warning")}}},
	}
}

// test returns a test for promtool, in which both processes answer Prometheus all the time.
func (r recordedCase) test(name string, interval time.Duration, moments []map[string]string, alerts []string) map[string]any {
	samples, after, end := cmp.Or(r.samples, 30), cmp.Or(r.after, 10), 180
	all := map[string]string{}
	for _, moment := range moments {
		maps.Copy(all, moment)
	}
	input := make([]map[string]string, 0, 2+len(all))
	for _, process := range []string{ofNode, ofController} {
		input = append(input, map[string]string{"series": "up{" + process + "}", "values": lasting("1", samples*len(moments)+end)})
	}
	for series := range all {
		values := make([]string, 0, len(moments)+1)
		for _, moment := range moments {
			values = append(values, lasting(moment[series], samples))
		}
		values = append(values, lasting(moments[len(moments)-1][series], end))
		input = append(input, map[string]string{"series": r.labelled(series), "values": strings.Join(values, " ")})
	}
	var compared []map[string]any
	compare := func(sample int, fires firings) {
		at := seconds(time.Duration(sample) * interval)
		for _, alert := range alerts {
			expected := []map[string]any{}
			if labels, isFiring := fires[alert]; isFiring {
				expected = append(expected, map[string]any{"exp_labels": labels})
			}
			compared = append(compared, map[string]any{"eval_time": at, "alertname": alert, "exp_alerts": expected})
		}
	}
	compare(after, nil)
	for i, fires := range r.fires {
		compare(i*samples+after, fires)
	}
	compare(len(moments)*samples+end-1, nil)
	return map[string]any{"name": name, "interval": seconds(interval), "input_series": input, "alert_rule_test": compared}
}

// labelled adds the labels that Prometheus gives a series.
func (r recordedCase) labelled(series string) string {
	name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	if labels != "" {
		labels = "," + labels
	}
	return name + "{" + r.of + labels + "}"
}

// lasting writes a number of samples of the same value, or of an absent series, as promtool reads them.
func lasting(value string, samples int) string {
	if value == "" {
		return fmt.Sprintf("_x%d", samples)
	}
	return fmt.Sprintf("%sx%d", value, samples-1) // the first one is not counted
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

var recordedSample = regexp.MustCompile(`^(\w+(?:\{.*\})?) (\S+)$`)

// readRecording returns the samples of each moment, by series.
func readRecording(t *testing.T, name string) (moments []map[string]string) {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join("testdata", "series", name+".txt"))) {
		if strings.HasPrefix(line, "# ") {
			moments = append(moments, map[string]string{})
			continue
		}
		sample := recordedSample.FindStringSubmatch(strings.TrimSpace(line))
		if sample == nil || len(moments) == 0 {
			t.Fatalf("%s: unexpected line %q", name, line)
		}
		value, err := strconv.ParseFloat(sample[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		moments[len(moments)-1][sample[1]] = strconv.FormatFloat(value, 'f', -1, 64)
	}
	return moments
}

// Each recording is replayed.
func TestRecordingsAreUsed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "series", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	found := make([]string, 0, len(files))
	for _, file := range files {
		found = append(found, strings.TrimSuffix(filepath.Base(file), ".txt"))
	}
	if used := slices.Sorted(maps.Keys(recordedAlerts())); !slices.Equal(found, used) {
		t.Errorf("testdata/series has %v, and %v are used", found, used)
	}
}
