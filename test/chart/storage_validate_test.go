package chart

import (
	"fmt"
	"strings"
	"testing"
)

// nodesOf returns values with these nodes, each given as `name address device...`.
func nodesOf(nodes ...string) string {
	var values strings.Builder
	values.WriteString("nodes:\n")
	for _, node := range nodes {
		fields := strings.Fields(node)
		fmt.Fprintf(&values, "  - {name: %s, address: %q, devices: [%s]}\n", fields[0], fields[1], strings.Join(fields[2:], ", "))
	}
	return values.String()
}

// topologyOf returns values with a topology.json.
func topologyOf(text string) string { return "topologyJSON: '" + text + "'\n" }

// nodeJSON returns a node of a topology.json.
func nodeJSON(name, address, devices string) string {
	return fmt.Sprintf(`{"node": {"hostnames": {"manage": [%q], "storage": [%q]}, "zone": 1}, "devices": [%s]}`, name, address, devices)
}

const sdb = `"/dev/sdb"`

func TestWhatIsNoTopology(t *testing.T) {
	const inNode = "topologyJSON: clusters[0].nodes[0]"
	nodes := func(nodes ...string) string {
		return topologyOf(`{"clusters": [{"nodes": [` + strings.Join(nodes, ", ") + `]}]}`)
	}
	tests := []struct {
		name, values string
		says         []string
	}{
		{"nothing", "", []string{"nodes: no storage node is listed", "devices: [/dev/sdb]", "--set-file topologyJSON=topology.json"}},
		{"both", threeNodes + topologyOf("{}"), []string{"nodes, topologyJSON: both are set", "leave one of them out"}},
		{"a name twice", nodesOf("n1 10.0.0.1 /dev/sdb", "n2 10.0.0.2 /dev/sdb", "n1 10.0.0.3 /dev/sdb"), []string{`nodes[2]: "n1" is the name of nodes[0]`}},
		{"an address twice", nodesOf("n1 h /dev/sdb", "n2 H /dev/sdb", "n3 10.0.0.3 /dev/sdb"), []string{`nodes[1]: "H" is the address of nodes[0]`}},
		{"a device twice", nodesOf("n1 10.0.0.1 /dev/sdb /dev/sdc /dev/sdb"), []string{`nodes[0]: the device "/dev/sdb" is listed twice`}},
		{"a device that is no path", nodesOf("n1 10.0.0.1 sdb"), []string{`nodes[0]: "sdb" is not the path of a device`, "/dev/sdb"}},
		{"a device for a shell", nodesOf("n1 10.0.0.1 /dev/$(reboot)"), []string{`nodes[0]: "/dev/$(reboot)" is not the path`}},
		{"a loopback address", nodesOf("n1 127.0.0.1 /dev/sdb"), []string{`nodes[0].address: "127.0.0.1" is the loopback address`}},
		{"a node's name that is none", nodesOf("n1 10.0.0.1 /dev/sdb", "Node_2 10.0.0.2 /dev/sdb"), []string{`nodes[1].name: "Node_2" is not the name of a Kubernetes node`, "as in node1", "kubectl get nodes"}},
		{"an empty name", nodesOf("'' 10.0.0.1 /dev/sdb"), []string{`nodes[0].name: "" is not the name of a Kubernetes node`}},
		{"two addresses in one", nodesOf("n1 h1,h2 /dev/sdb"), []string{`nodes[0].address: "h1,h2" is neither an IP address nor a host name`, "as in 10.0.0.1 or node1.example.org"}},
		{"an address with a port", nodesOf("n1 10.0.0.1:24007 /dev/sdb"), []string{`nodes[0].address: "10.0.0.1:24007" is neither`, "without a port"}},
		{"two nodes", nodesOf("n1 10.0.0.1 /dev/sdb", "n2 10.0.0.2 /dev/sdb"), []string{"nodes: Heketi's database is kept on 3 nodes, but only 2", "list at least 3"}},
		{"no JSON", topologyOf("clusters: []"), []string{"topologyJSON: ", "invalid character", "--set-file"}},
		{"a file's name", topologyOf("topology.json"), []string{"topologyJSON: ", "--set-file topologyJSON=topology.json"}},
		{"a list", topologyOf("[]"), []string{"topologyJSON: ", "--set-file"}},
		{"no clusters", topologyOf(`{}`), []string{"topologyJSON: clusters: this must be a list", `{"clusters": [`}},
		{"an unknown field", topologyOf(`{"nodes": []}`), []string{`topologyJSON: unknown field "nodes"; allowed are clusters`}},
		{"clusters that are none", topologyOf(`{"clusters": ["a"]}`), []string{"topologyJSON: clusters[0]: this must be an object"}},
		{"a cluster without nodes", topologyOf(`{"clusters": [{"nodes": []}]}`), []string{"topologyJSON: clusters[0].nodes: this must be a list"}},
		{"a node that is none", nodes(`"node1"`), []string{inNode + ": this must be an object", `"hostnames"`}},
		{"a node without node", nodes(`{"devices": []}`), []string{inNode + ".node: this must be an object"}},
		{"a node without names", nodes(`{"node": {"zone": 1}}`), []string{inNode + ".node.hostnames: this must be an object"}},
		{"a node without address", nodes(`{"node": {"hostnames": {"manage": ["n1"]}, "zone": 1}}`), []string{inNode + ".node.hostnames.storage: this must be a list"}},
		{"a number for a name", nodes(`{"node": {"hostnames": {"manage": [1], "storage": ["h1"]}, "zone": 1}}`), []string{inNode + ".node.hostnames.manage: this must be a list of names"}},
		{"no zone", nodes(`{"node": {"hostnames": {"manage": ["n1"], "storage": ["h1"]}}}`), []string{inNode + ".node.zone: this must be a whole number from 1"}},
		{"half a zone", nodes(`{"node": {"hostnames": {"manage": ["n1"], "storage": ["h1"]}, "zone": 1.5}}`), []string{inNode + ".node.zone: this must be a whole number from 1"}},
		{"zone 0", nodes(`{"node": {"hostnames": {"manage": ["n1"], "storage": ["h1"]}, "zone": 0}}`), []string{inNode + ".node.zone: this must be a whole number from 1"}},
		{"devices that are no list", nodes(`{"node": {"hostnames": {"manage": ["n1"], "storage": ["h1"]}, "zone": 1}, "devices": "/dev/sdb"}`), []string{inNode + ".devices: this must be a list"}},
		{"a device without name", nodes(nodeJSON("n1", "h1", `{"destroydata": true}`)), []string{inNode + ".devices[0]: this must be a path"}},
		{"a number for a device", nodes(nodeJSON("n1", "h1", "1")), []string{inNode + ".devices[0]: this must be a path"}},
		{"an address for a node", nodes(nodeJSON("N_1", "h1", sdb)), []string{inNode + `.node.hostnames.manage: "N_1" is not the name of a Kubernetes node`, "kubectl get nodes"}},
		{"a port", nodes(nodeJSON("n1", "http://h1", sdb)), []string{inNode + `.node.hostnames.storage: "http://h1" is neither an IP address nor a host name`}},
		{
			"a node twice in two clusters", topologyOf(`{"clusters": [{"nodes": [` + nodeJSON("n1", "h1", sdb) + `]}, {"nodes": [` + nodeJSON("n1", "h2", sdb) + `]}]}`),
			[]string{`topologyJSON: clusters[1].nodes[0]: "n1" is the name of topologyJSON: clusters[0].nodes[0]`},
		},
		{"a device twice in JSON", nodes(nodeJSON("n1", "h1", `"/dev/sdb", {"name": "/dev/sdb"}`)), []string{inNode + `: the device "/dev/sdb" is listed twice`}},
		{
			"three nodes in two clusters", topologyOf(`{"clusters": [{"nodes": [` + nodeJSON("n1", "h1", sdb) + ", " + nodeJSON("n2", "h2", sdb) + `]}, {"nodes": [` + nodeJSON("n3", "h3", sdb) + `]}]}`),
			[]string{"topologyJSON: Heketi's database is kept on 3 nodes, but only 2 of one cluster"},
		},
		{"a node without devices", nodes(nodeJSON("n1", "h1", sdb), nodeJSON("n2", "h2", sdb), nodeJSON("n3", "h3", "")), []string{"only 2 of one cluster have devices"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { storageRefused(t, tt.values, tt.says...) })
	}
}

func TestClassesNeedNodes(t *testing.T) {
	class := func(parameters string) string {
		return threeNodes + "glusterfs-csi: {storageClasses: [{name: c, parameters: {" + parameters + "}}]}"
	}
	for _, parameters := range []string{"", "volumetype: none", "volumetype: replicate", "VolumeType: 'replicate:2'", "volumetype: 'disperse:2:1'", "volumetype: other"} {
		t.Run("taken: "+parameters, func(t *testing.T) { storageTaken(t, class(parameters)) })
	}
	for parameters, need := range map[string]int{"volumetype: 'disperse:4:2'": 6, "VOLUMETYPE: disperse": 6, "volumetype: 'disperse:8:3'": 11, "volumetype: 'replicate:5'": 5} {
		t.Run("refused: "+parameters, func(t *testing.T) {
			storageRefused(t, class(parameters), "glusterfs-csi.storageClasses[0] (c)", fmt.Sprintf("needs %d nodes", need), "nodes has only 3", "docs/parameters.md")
		})
	}
}

// A list in the values replaces the chart's own, so that the driver's values may contradict Heketi's.
func TestDriverKnowsThisHeketi(t *testing.T) {
	const tls = "heketi: {tls: {existingSecret: heketi-tls}}\n"
	backend := func(url, secret string) string {
		return threeNodes + "glusterfs-csi: {backends: [{name: storage, url: '" + url + "', existingSecret: {name: " + secret + "}}]}\n"
	}
	tests := []struct {
		name, values string
		says         []string // none means that it is accepted
	}{
		{"TLS that the driver does not speak", threeNodes + tls, []string{"glusterfs-csi.backends[0].url: Heketi speaks HTTPS", "write https://heketi.default.svc:8080"}},
		{"TLS that Heketi does not speak", backend("https://heketi:8080", "heketi-keys"), []string{"Heketi speaks HTTP,", "write http://heketi:8080"}},
		{"TLS at the fixed address", backend("https://10.0.0.9:8080", "heketi-keys") + "heketi: {service: {clusterIP: 10.0.0.9}}", []string{"Heketi speaks HTTP,"}},
		{"another Secret", backend("http://heketi.default:8080", "other"), []string{`glusterfs-csi.backends[0].existingSecret.name: "other"`, "write existingSecret: {name: heketi-keys, key: admin}"}},
		{"a Secret that the driver does not know", threeNodes + "heketi: {existingSecret: mine}", []string{`"heketi-keys" is not the Secret`, "{name: mine, key: admin}"}},
		{"both with TLS", backend("https://heketi.default.svc.cluster.local:8080", "heketi-keys") + tls, nil},
		{"both with another Secret", backend("http://heketi:8080", "mine") + "heketi: {existingSecret: mine}", nil},
		{"another Heketi", backend("https://heketi.example.org:8080", "other"), nil},
		{"no driver", threeNodes + tls + "glusterfs-csi: {enabled: false}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.says == nil {
				storageTaken(t, tt.values)
				return
			}
			storageRefused(t, tt.values, tt.says...)
		})
	}
}

func TestServersAndNodePluginHavePortsOfTheirOwn(t *testing.T) {
	storageRefused(t, threeNodes+"gluster: {healthPort: 29680}", "gluster.healthPort: 29680 is glusterfs-csi.node.healthPort")
	storageRefused(t, threeNodes+"gluster: {healthPort: 29681}\nglusterfs-csi: {metrics: {enabled: true}}", "gluster.healthPort: 29681 is glusterfs-csi.node.metricsPort")
	storageTaken(t, threeNodes+"gluster: {healthPort: 29681}")
}

func TestHostPathsAreAbsolute(t *testing.T) {
	for field, path := range map[string]string{"glusterd": "data", "heketi": "/data/heketi/", "config": "/data//config", "logs": "/data/my logs"} {
		storageRefused(t, threeNodes+fmt.Sprintf("gluster: {hostPaths: {%s: %s}}", field, path),
			fmt.Sprintf("gluster.hostPaths.%s: %q is not the absolute path of a directory", field, path), "as in /var/lib/glusterd")
	}
	storageRefused(t, threeNodes+"gluster: {hostPaths: {logs: null}}", `gluster.hostPaths.logs: "" is not`)
	storageTaken(t, threeNodes+"gluster: {hostPaths: {logs: /data/logs}}")
}

func TestServersOfTheDatabaseAreAddresses(t *testing.T) {
	servers := func(address string) string {
		return threeNodes + "heketi: {database: {servers: [10.0.0.1, '" + address + "']}}"
	}
	storageRefused(t, servers("--x"), `heketi.database.servers[1]: "--x" is neither an IP address nor a host name`, "as in 10.0.0.1")
	storageRefused(t, servers("a,b"), `heketi.database.servers[1]: "a,b" is neither`)
	storageTaken(t, servers("fd00::2"))
}
