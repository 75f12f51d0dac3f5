package dashboard

type row struct {
	title  string
	panels []panel
}

type panel struct {
	title, description, unit string
	single                   bool    // shows one number, not a graph
	badFrom                  float64 // the value from which a number is red; 0 means never
	queries                  []query
}

// query is a query in which CONTROLLER and NODE stand for the labels of the series.
type query struct{ expr, legend string }

func rows() []row {
	return []row{{"Overview", overview()}, {"Controller and Heketi", controller()}, {"Mounts on nodes", nodes()}, {"Processes", processes()}}
}

func overview() []panel {
	number := func(title, description string, badFrom float64, expr string) panel {
		return panel{title: title, description: description, unit: "none", single: true, badFrom: badFrom, queries: []query{{expr, ""}}}
	}
	return []panel{
		number("Controllers", "There is exactly one, or none if no Heketi is configured.", 2, `count(up{CONTROLLER} == 1)`),
		number("Node plugins", "Node plugins that answer Prometheus.", 0, `count(up{NODE} == 1)`),
		number("GlusterFS clients", "One for each volume on each node.", 0, `sum(glusterfs_csi_node_clients{NODE})`),
		number("Mounts that are not repaired", "Events on the pods name the mounts (MountNotHealed).", 1, `sum(glusterfs_csi_node_unrepaired_mounts{NODE})`),
		number("Nodes with clients in the pod", "On these nodes, volumes are disconnected when the node plugin's pod ends.", 1, `sum(glusterfs_csi_node_clients_in_pod{NODE})`),
		number("Orphans", "With controller.reportOrphans: volumes without PersistentVolume, and the reverse.", 1, `sum(glusterfs_csi_orphans{CONTROLLER})`),
	}
}

func controller() []panel {
	return []panel{
		{
			title: "Calls", description: "CSI calls that ended, by method and code.", unit: "ops",
			queries: []query{{
				`sum by (grpc_method, grpc_code) (rate(grpc_server_handled_total{CONTROLLER,grpc_service="csi.v1.Controller"}[$__rate_interval]))`,
				"{{grpc_method}} {{grpc_code}}",
			}},
		},
		{
			title: "Duration of calls, 95th percentile", description: "Calls that wait for Heketi take as long as Heketi does.", unit: "s",
			queries: []query{{
				`histogram_quantile(0.95, sum by (grpc_method, le) (rate(grpc_server_handling_seconds_bucket{CONTROLLER,grpc_service="csi.v1.Controller"}[$__rate_interval])))`,
				"{{grpc_method}}",
			}},
		},
		{
			title: "Operations under way", description: "Operations of the driver, and those of them that Heketi carries out now.", unit: "none",
			queries: []query{
				{`sum by (operation) (glusterfs_csi_running_operations{CONTROLLER})`, "{{operation}}"},
				{`sum by (backend, operation) (glusterfs_csi_heketi_operations_in_flight{CONTROLLER})`, "{{backend}}: {{operation}}"},
			},
		},
		{
			title: "Duration in Heketi, 90th percentile", description: "From the request to the end of the operation.", unit: "s",
			queries: []query{{
				`histogram_quantile(0.9, sum by (backend, operation, le) (rate(glusterfs_csi_heketi_operation_duration_seconds_bucket{CONTROLLER}[$__rate_interval])))`,
				"{{backend}}: {{operation}}",
			}},
		},
		{
			title: "Waiting for Heketi, 90th percentile", description: "How long operations wait for one of the backend's maxInFlight slots.", unit: "s",
			queries: []query{{
				`histogram_quantile(0.9, sum by (backend, operation, le) (rate(glusterfs_csi_heketi_operation_queue_seconds_bucket{CONTROLLER}[$__rate_interval])))`,
				"{{backend}}: {{operation}}",
			}},
		},
		{
			title: "Ends of operations", description: "done, refused (no room, for example), failed, or unknown (Heketi was restarted).", unit: "ops",
			queries: []query{{
				`sum by (backend, outcome) (rate(glusterfs_csi_heketi_operation_duration_seconds_count{CONTROLLER}[$__rate_interval]))`,
				"{{backend}}: {{outcome}}",
			}},
		},
	}
}

func nodes() []panel {
	return []panel{
		{
			title: "Calls that failed", description: "Calls of the kubelet, by method and code. Codes such as NOT_FOUND are mistakes of the kubelet.", unit: "ops",
			queries: []query{{
				`sum by (grpc_method, grpc_code) (rate(grpc_server_handled_total{NODE,grpc_service="csi.v1.Node",grpc_code!="OK"}[$__rate_interval]))`,
				"{{grpc_method}} {{grpc_code}}",
			}},
		},
		{
			title: "Duration of calls, 95th percentile", unit: "s",
			queries: []query{{
				`histogram_quantile(0.95, sum by (grpc_method, le) (rate(grpc_server_handling_seconds_bucket{NODE,grpc_service="csi.v1.Node"}[$__rate_interval])))`,
				"{{grpc_method}}",
			}},
		},
		{
			title: "Clients by version", description: "A client keeps its version until its volume leaves the node. Clients without a version are in the node plugin's pod.", unit: "none",
			queries: []query{{`sum by (placement, version) (glusterfs_csi_node_clients{NODE})`, "{{placement}} {{version}}"}},
		},
		{
			title: "Memory of clients", description: "Of the clients outside the node plugin's pod, by node plugin.", unit: "bytes",
			queries: []query{{`sum by (pod) (glusterfs_csi_node_client_memory_bytes{NODE})`, "{{pod}}"}},
		},
		{
			title: "Clients that ended, in an hour", description: "Clients that ended while their volumes were in use, and those of them that hung.", unit: "none",
			queries: []query{
				{`sum by (pod) (increase(glusterfs_csi_node_client_deaths_total{NODE}[1h])) > 0`, "{{pod}}"},
				{`sum by (pod) (increase(glusterfs_csi_node_hung_clients_total{NODE}[1h])) > 0`, "{{pod}}: hung"},
			},
		},
		{
			title: "Repairs, in an hour", description: "After a client's end, and after a change of a volume's bricks or options.", unit: "none",
			queries: []query{
				{`sum by (outcome) (increase(glusterfs_csi_node_heals_total{NODE}[1h]))`, "client: {{outcome}}"},
				{`sum by (outcome) (increase(glusterfs_csi_node_graph_repairs_total{NODE}[1h]))`, "change: {{outcome}}"},
			},
		},
		{
			title: "Duration of repairs, 95th percentile", description: "After a client's end.", unit: "s",
			queries: []query{{`histogram_quantile(0.95, sum by (le) (rate(glusterfs_csi_node_heal_duration_seconds_bucket{NODE}[$__rate_interval])))`, "repair"}},
		},
		{
			title: "Dead mounts beneath others", description: "Only on kernels before 6.5. They disappear with their containers.", unit: "none",
			queries: []query{{`sum by (pod) (glusterfs_csi_node_dead_layers{NODE})`, "{{pod}}"}},
		},
		{
			title: "Leftovers", description: "Files and directories of earlier node plugins that could not be removed.", unit: "none",
			queries: []query{{`sum by (pod) (glusterfs_csi_node_leftovers{NODE})`, "{{pod}}"}},
		},
	}
}

func processes() []panel {
	both := func(title, unit, before, metric, after string) panel {
		of := func(selector string) string { return before + metric + "{" + selector + "}" + after }
		return panel{title: title, unit: unit, queries: []query{{of("CONTROLLER"), "{{pod}}"}, {of("NODE"), "{{pod}}"}}}
	}
	return []panel{
		both("Memory", "bytes", "", "process_resident_memory_bytes", ""),
		both("CPU", "percentunit", "rate(", "process_cpu_seconds_total", "[$__rate_interval])"),
		both("Goroutines", "none", "", "go_goroutines", ""),
	}
}
