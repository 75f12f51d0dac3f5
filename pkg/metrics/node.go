package metrics

import "github.com/prometheus/client_golang/prometheus"

// NewNode registers the metrics of a node plugin. leftovers is the count from fuseclient.Manager.Leftovers.
func NewNode(registry prometheus.Registerer, leftovers int) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "glusterfs_csi_node_leftovers",
		Help: "Files and directories of earlier node plugins that could not be removed at the start of this one.",
	})
	gauge.Set(float64(leftovers))
	registry.MustRegister(gauge)
}
