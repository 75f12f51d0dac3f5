package metrics

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestHealing(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	h := NewHealing(registry)
	h.Healed(OutcomeHealed, 30*time.Millisecond)
	h.Healed(OutcomeHealed, 61*time.Second)
	h.Healed(OutcomePartly, 5*time.Millisecond)
	h.GraphRepaired(OutcomeFailed)
	h.Covered(3)
	h.Covered(2)
	h.Hung()
	RegisterLayers(registry, func() int { return 7 })
	RegisterUnrepaired(registry, func() int { return 8 })
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "glusterfs_csi_node_")
			if labels := m.GetLabel(); len(labels) == 1 {
				name += " " + labels[0].GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if histogram := m.GetHistogram(); histogram != nil {
				buckets := histogram.GetBucket()
				first, last := buckets[0], buckets[len(buckets)-1]
				if first.GetUpperBound() != 0.01 || first.GetCumulativeCount() != 1 || last.GetUpperBound() != 60 || last.GetCumulativeCount() != 2 {
					t.Errorf("buckets from %v to %v", first, last)
				}
				values[name] = float64(histogram.GetSampleCount())
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{
		"heals_total healed": 2, "heals_total partly": 1, "heals_total failed": 0, "heal_duration_seconds": 3,
		"graph_repairs_total healed": 0, "graph_repairs_total partly": 0, "graph_repairs_total failed": 1, "covered_mounts_total": 5, "dead_layers": 7, "unrepaired_mounts": 8, "hung_clients_total": 1,
	}, values); diff != "" {
		t.Error(diff)
	}
}

// TestDocumentedMetrics: docs/metrics.md has a row for each metric of the driver, and no others.
func TestDocumentedMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewHeketi(registry)
	NewOrphans(registry)
	NewNode(registry, 0)
	NewHealing(registry)
	RegisterLayers(registry, func() int { return 0 })
	RegisterUnrepaired(registry, func() int { return 0 })
	RegisterClients(registry, func() ClientState { return ClientState{} })
	collected := map[string]bool{}
	descriptions := make(chan *prometheus.Desc, 100)
	registry.Describe(descriptions)
	close(descriptions)
	for description := range descriptions {
		collected[regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(description.String())[1]] = true
	}
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(glusterfs_csi_[a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = true
	}
	if diff := cmp.Diff(collected, documented); diff != "" {
		t.Errorf("metrics of the driver (-), documented (+):\n%s", diff)
	}
}
