package metrics

import "github.com/prometheus/client_golang/prometheus"

// ClientState is the state of a node's GlusterFS clients.
type ClientState struct {
	Clients map[ClientKind]int
	Memory  int64 // bytes charged to clients outside the container
	InPod   bool  // new clients run in the container
	Old     int   // clients outside the container whose version is not that of new clients
	Deaths  int64 // clients that ended while they were needed
	Lacking int   // volumes in use whose client has ended and was not replaced yet
}

// ClientKind describes where a client runs, and the version of its files.
type ClientKind struct{ Placement, Version string }

// clients collects the state at each scrape; nothing is stored in between.
type clients struct {
	state                                      func() ClientState
	count, memory, inPod, old, deaths, lacking *prometheus.Desc
}

// RegisterClients registers the metrics of a node's GlusterFS clients. state is called at each scrape.
func RegisterClients(registry prometheus.Registerer, state func() ClientState) {
	const prefix = "glusterfs_csi_node_"
	registry.MustRegister(&clients{
		state:   state,
		count:   prometheus.NewDesc(prefix+"clients", "Running GlusterFS clients, by placement and by the version of their files.", []string{"placement", "version"}, nil),
		memory:  prometheus.NewDesc(prefix+"client_memory_bytes", "Memory of the GlusterFS clients that run outside the node plugin's container.", nil, nil),
		inPod:   prometheus.NewDesc(prefix+"clients_in_pod", "1 if new GlusterFS clients run in the node plugin's container, and end with it.", nil, nil),
		old:     prometheus.NewDesc(prefix+"old_clients", "GlusterFS clients outside the node plugin's container whose version is not that of new clients.", nil, nil),
		deaths:  prometheus.NewDesc(prefix+"client_deaths_total", "GlusterFS clients that have ended while their volume was in use.", nil, nil),
		lacking: prometheus.NewDesc(prefix+"volumes_without_client", "Volumes in use whose GlusterFS client has ended and was not replaced yet.", nil, nil),
	})
}

// Describe implements prometheus.Collector.
func (c *clients) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.count, c.memory, c.inPod, c.old, c.deaths, c.lacking} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *clients) Collect(to chan<- prometheus.Metric) {
	state := c.state()
	for kind, n := range state.Clients {
		to <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(n), kind.Placement, kind.Version)
	}
	inPod := 0.0
	if state.InPod {
		inPod = 1
	}
	to <- prometheus.MustNewConstMetric(c.memory, prometheus.GaugeValue, float64(state.Memory))
	to <- prometheus.MustNewConstMetric(c.inPod, prometheus.GaugeValue, inPod)
	to <- prometheus.MustNewConstMetric(c.old, prometheus.GaugeValue, float64(state.Old))
	to <- prometheus.MustNewConstMetric(c.deaths, prometheus.CounterValue, float64(state.Deaths))
	to <- prometheus.MustNewConstMetric(c.lacking, prometheus.GaugeValue, float64(state.Lacking))
}
