package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of a repair.
const (
	OutcomeHealed = "healed" // every mount works again
	OutcomePartly = "partly" // some mounts work again
	OutcomeFailed = "failed" // no mount works
)

// Healing counts the repairs of mounts on a node.
type Healing struct {
	heals        *prometheus.CounterVec
	duration     prometheus.Histogram
	graphRepairs *prometheus.CounterVec
	covered      prometheus.Counter
	hung         prometheus.Counter
}

// NewHealing registers the metrics.
func NewHealing(registry prometheus.Registerer) *Healing {
	const prefix = "glusterfs_csi_node_"
	h := &Healing{
		heals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "heals_total", Help: "Volumes whose mounts were repaired after the end of their GlusterFS client, by outcome: healed, partly or failed.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "heal_duration_seconds", Help: "Duration of repairs after the end of a GlusterFS client.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}),
		graphRepairs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "graph_repairs_total", Help: "Volumes whose mounts were repaired after a change of their GlusterFS client's graph or an outage of bricks, by outcome: healed, partly or failed.",
		}, []string{"outcome"}),
		covered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "covered_mounts_total", Help: "Dead mounts that were covered instead of replaced, on kernels before 6.5; each disappears when its container ends.",
		}),
		hung: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "hung_clients_total", Help: "GlusterFS clients that were ended and replaced because they did not answer.",
		}),
	}
	for _, outcome := range []string{OutcomeHealed, OutcomePartly, OutcomeFailed} { // so that the first repair is an increase from 0
		h.heals.WithLabelValues(outcome)
		h.graphRepairs.WithLabelValues(outcome)
	}
	registry.MustRegister(h.heals, h.duration, h.graphRepairs, h.covered, h.hung)
	return h
}

// Healed counts a repair after a client has ended.
func (h *Healing) Healed(outcome string, took time.Duration) {
	h.heals.WithLabelValues(outcome).Inc()
	h.duration.Observe(took.Seconds())
}

// GraphRepaired counts a repair after a change of a client's graph or an outage of bricks.
func (h *Healing) GraphRepaired(outcome string) { h.graphRepairs.WithLabelValues(outcome).Inc() }

// Covered counts dead mounts that stay beneath others.
func (h *Healing) Covered(n int) { h.covered.Add(float64(n)) }

// Hung counts a client that was ended because it did not answer.
func (h *Healing) Hung() { h.hung.Inc() }

// RegisterLayers registers the number of dead mounts beneath others. count is called at each scrape.
func RegisterLayers(registry prometheus.Registerer, count func() int) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "glusterfs_csi_node_dead_layers", Help: "Dead mounts that lie beneath others now, on kernels before 6.5.",
	}, func() float64 { return float64(count()) }))
}

// RegisterUnrepaired registers the number of mounts that are not repaired. count is called at each scrape.
func RegisterUnrepaired(registry prometheus.Registerer, count func() int) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "glusterfs_csi_node_unrepaired_mounts", Help: "Mounts that currently fail or are missing in containers because they cannot be repaired or are not repaired yet.",
	}, func() float64 { return float64(count()) }))
}
