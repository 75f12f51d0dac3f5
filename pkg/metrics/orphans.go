package metrics

import "github.com/prometheus/client_golang/prometheus"

// Orphans counts the findings of package orphans. It implements orphans.Observer.
type Orphans struct {
	count   *prometheus.GaugeVec
	success *prometheus.GaugeVec
}

// NewOrphans registers the metrics.
func NewOrphans(registry prometheus.Registerer) *Orphans {
	const name = "glusterfs_csi_orphans"
	o := &Orphans{
		count: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: name, Help: "Volumes without PersistentVolume, PersistentVolumes without volume, and the like, found by two successive comparisons.",
		}, []string{"backend", "kind"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: name + "_last_success_timestamp_seconds", Help: "Time of the last successful comparison of the backend, 0 if there was none.",
		}, []string{"backend"}),
	}
	registry.MustRegister(o.count, o.success)
	return o
}

// Began implements orphans.Observer.
func (o *Orphans) Began(backend string) { o.success.WithLabelValues(backend) }

// Compared implements orphans.Observer.
func (o *Orphans) Compared(backend string, counts map[string]int) {
	o.success.WithLabelValues(backend).SetToCurrentTime()
	for kind, n := range counts {
		o.count.WithLabelValues(backend, kind).Set(float64(n))
	}
}

// Forgotten implements orphans.Observer.
func (o *Orphans) Forgotten(backend string) {
	o.success.DeleteLabelValues(backend)
	o.count.DeletePartialMatch(prometheus.Labels{"backend": backend})
}
