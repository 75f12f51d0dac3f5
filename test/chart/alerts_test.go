package chart

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	docs "github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// alert is a rule of the PrometheusRule.
type alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

type alertGroup struct {
	Name  string  `json:"name"`
	Rules []alert `json:"rules"`
}

// alerts returns the groups of the PrometheusRule in testdata/values/everything.yaml.
func alerts(t *testing.T) []alertGroup {
	t.Helper()
	r := renderings()[slices.IndexFunc(renderings(), func(r rendering) bool { return r.name == "everything" })]
	rule := only(t, objects(t, r.render(t)), "PrometheusRule", "glusterfs-csi")
	text, err := yaml.Marshal(dig(t, rule.Object, "spec", "groups"))
	if err != nil {
		t.Fatal(err)
	}
	var groups []alertGroup
	if err := yaml.UnmarshalStrict(text, &groups); err != nil {
		t.Fatalf("a rule has a field that Prometheus does not have: %v", err)
	}
	return groups
}

func alertNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, group := range alerts(t) {
		for _, rule := range group.Rules {
			names = append(names, rule.Alert)
		}
	}
	return names
}

// Each alert has a section in docs/alerts.md with the same three parts, and each section there belongs to an alert.
func TestAlertsHaveRunbooks(t *testing.T) {
	page := docs.Page(t, "alerts.md")
	names := alertNames(t)
	for _, group := range alerts(t) {
		for _, rule := range group.Rules {
			if want := "https://wiki.example.org/gluster#" + strings.ToLower(rule.Alert); rule.Annotations["runbook_url"] != want {
				t.Errorf("%s: runbook_url %q, want %q", rule.Alert, rule.Annotations["runbook_url"], want)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%s has no summary, description or severity: %+v", rule.Alert, rule)
			}
			_, section, found := strings.Cut(page, "\n### "+rule.Alert+"\n")
			if !found {
				t.Errorf("docs/alerts.md has no section %s", rule.Alert)
				continue
			}
			section, _, _ = strings.Cut(section, "\n#")
			for _, part := range []string{"**Meaning.**", "**First look.**", "**What to do.**"} {
				if n := strings.Count(section, part); n != 1 {
					t.Errorf("docs/alerts.md, %s: %s occurs %d times, want once", rule.Alert, part, n)
				}
			}
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (Glusterfs\w+)$`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(names, heading[1]) {
			t.Errorf("docs/alerts.md has a section about %s, which is no alert", heading[1])
		}
	}
}

// promtool runs the program of Debian's package prometheus.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := tool(t, "promtool", args...); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// tryRules lets promtool try the rules that Prometheus gets from the PrometheusRule. The tests are listed by their interval, because
// a file of promtool has only one. Of the annotations, only those that the tests compare are kept.
func tryRules(t *testing.T, tests map[string][]map[string]any, annotations ...string) {
	t.Helper()
	dir := t.TempDir()
	groups := alerts(t)
	for _, group := range groups {
		for _, rule := range group.Rules {
			maps.DeleteFunc(rule.Annotations, func(name, _ string) bool { return !slices.Contains(annotations, name) })
		}
	}
	writeYAML(t, filepath.Join(dir, "rules.yaml"), map[string]any{"groups": groups})
	for interval, list := range tests {
		path := filepath.Join(dir, interval+".yaml")
		writeYAML(t, path, map[string]any{"rule_files": []string{"rules.yaml"}, "evaluation_interval": interval, "tests": list})
		promtool(t, "test", "rules", path)
	}
}

func writeYAML(t *testing.T, path string, content any) {
	t.Helper()
	text, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(text))
}

func TestPrometheusTakesTheAlerts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	writeYAML(t, path, map[string]any{"groups": alerts(t)})
	promtool(t, "check", "rules", "--lint-fatal", path)
}

// With the given series, Prometheus fires each alert, and does not fire it for similar series that are not a problem.
func TestAlertsFire(t *testing.T) {
	cases := alertCases()
	tests := map[string][]map[string]any{}
	for _, c := range cases {
		interval := cmp.Or(c.every, "1m")
		tests[interval] = append(tests[interval], c.test(interval, true), c.test(interval, false))
	}
	tryRules(t, tests, "summary")

	for _, name := range alertNames(t) {
		if !slices.ContainsFunc(cases, func(c alertCase) bool { return c.alert == name }) {
			t.Errorf("%s is not tried", name)
		}
	}
}

// alertCase is a test case of an alert.
type alertCase struct {
	alert   string
	at      string            // the time of Prometheus's evaluation
	every   string            // the interval of samples and evaluations; "" means a minute
	fires   map[string]string // series
	labels  map[string]string
	summary string
	quiet   map[string]string // series with which it does not fire
}

func (c alertCase) test(interval string, fires bool) map[string]any {
	series, expected, kind := c.quiet, []map[string]any{}, "does not fire"
	if fires {
		series, kind = c.fires, "fires"
		expected = append(expected, map[string]any{"exp_labels": c.labels, "exp_annotations": map[string]string{"summary": c.summary}})
	}
	input := make([]map[string]string, 0, len(series))
	for name, values := range series {
		input = append(input, map[string]string{"series": name, "values": values})
	}
	return map[string]any{
		"name": fmt.Sprintf("%s %s", c.alert, kind), "interval": interval, "input_series": input,
		"alert_rule_test": []map[string]any{{"eval_time": c.at, "alertname": c.alert, "exp_alerts": expected}},
	}
}
