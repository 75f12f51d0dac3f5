package metrics

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestNode(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewNode(registry, 3)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "glusterfs_csi_node_leftovers" || families[0].GetMetric()[0].GetGauge().GetValue() != 3 {
		t.Errorf("%v, %v", families, err)
	}
}
