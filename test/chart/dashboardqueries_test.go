package chart

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPrometheusParsesTheDashboard: each query of the dashboard is valid, with what Grafana puts in place of its variables.
func TestPrometheusParsesTheDashboard(t *testing.T) {
	variables := strings.NewReplacer("$namespace", "glusterfs-csi", "$node", ".+", "$__rate_interval", "1m")
	var rules []map[string]string
	for i, query := range dashboardExpressions(t) {
		if strings.HasPrefix(query, "label_values(") || strings.Contains(query, "{},") { // of a variable: label_values is Grafana's
			continue
		}
		query = variables.Replace(query)
		if strings.Contains(query, "$") {
			t.Errorf("the dashboard has no such variable: %s", query)
		}
		rules = append(rules, map[string]string{"record": "query_" + strconv.Itoa(i), "expr": query})
	}
	if len(rules) < 20 {
		t.Errorf("only %d queries were found", len(rules))
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	writeYAML(t, path, map[string]any{"groups": []map[string]any{{"name": "dashboard", "rules": rules}}})
	promtool(t, "check", "rules", path)
}
