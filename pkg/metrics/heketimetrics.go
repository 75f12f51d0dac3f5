package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Heketi counts the operations that the driver requests from Heketi, the calls that needed no operation, and refused logins. It
// implements heketi.Observer and provisioner.Observer.
type Heketi struct {
	operations *prometheus.GaugeVec
	running    *prometheus.GaugeVec
	queued     *prometheus.HistogramVec
	duration   *prometheus.HistogramVec
	existing   *prometheus.CounterVec
	joined     *prometheus.CounterVec
	refused    *prometheus.CounterVec
}

// NewHeketi registers the metrics.
func NewHeketi(registry prometheus.Registerer) *Heketi {
	const prefix = "glusterfs_csi_"
	long := prometheus.ExponentialBuckets(0.05, 2, 16) // to 27 minutes: creates take long on busy nodes
	h := &Heketi{
		operations: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "running_operations", Help: "Running creates, deletes, expands and examinations, including those whose calls have ended.",
		}, []string{"operation"}),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "heketi_operations_in_flight", Help: "Operations that Heketi is carrying out for this driver.",
		}, []string{"backend", "operation"}),
		queued: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "heketi_operation_queue_seconds", Help: "Time that operations waited for one of the backend's slots.", Buckets: long,
		}, []string{"backend", "operation"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "heketi_operation_duration_seconds", Help: "Time from the request to the end of the operation, by outcome: done, refused, failed or unknown.", Buckets: long,
		}, []string{"backend", "operation", "outcome"}),
		existing: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "existing_volumes_total", Help: "Creates that found the volume that an earlier create made.",
		}, []string{"backend"}),
		joined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "joined_calls_total", Help: "Calls that waited for an operation that an earlier call started.",
		}, []string{"operation"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "heketi_login_refusals_total", Help: "Requests whose login Heketi refused.",
		}, []string{"backend"}),
	}
	registry.MustRegister(h.operations, h.running, h.queued, h.duration, h.existing, h.joined, h.refused)
	return h
}

// unknown is heketi.OutcomeUnknown, which an alert counts.
const unknown = "unknown"

// Began implements heketi.Observer. Without a first value of 0, Prometheus would see no increase at the first unknown outcome.
func (h *Heketi) Began(backend, operation string, queued time.Duration) (ended func(outcome string)) {
	h.duration.WithLabelValues(backend, operation, unknown)
	h.queued.WithLabelValues(backend, operation).Observe(queued.Seconds())
	running := h.running.WithLabelValues(backend, operation)
	running.Inc()
	began := time.Now()
	return func(outcome string) {
		running.Dec()
		h.duration.WithLabelValues(backend, operation, outcome).Observe(time.Since(began).Seconds())
	}
}

// Configured implements heketi.Observer. Without a first value of 0, Prometheus would see no increase at the first refusal.
func (h *Heketi) Configured(backend string) { h.refused.WithLabelValues(backend) }

// LoginRefused implements heketi.Observer.
func (h *Heketi) LoginRefused(backend string) { h.refused.WithLabelValues(backend).Inc() }

// Operation implements provisioner.Observer.
func (h *Heketi) Operation(kind string) (ended func()) {
	running := h.operations.WithLabelValues(kind)
	running.Inc()
	return running.Dec
}

// Existing implements provisioner.Observer.
func (h *Heketi) Existing(backend string) { h.existing.WithLabelValues(backend).Inc() }

// Joined implements provisioner.Observer.
func (h *Heketi) Joined(kind string) { h.joined.WithLabelValues(kind).Inc() }
