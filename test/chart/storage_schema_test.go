package chart

import "testing"

// Values of charts/glusterfs-storage that are wrong by themselves.
func TestStorageValuesAreRefused(t *testing.T) {
	tests := []struct {
		name, values string
		says         []string
	}{
		{"an unknown value", "node: []", []string{"glusterfs-storage:", "'node' not allowed"}},
		{"an unknown field of a node", "nodes: [{name: n1, address: h1, disks: [/dev/sdb], devices: [/dev/sdb]}]", []string{"/nodes/0", "'disks' not allowed"}},
		{"a node without address", "nodes: [{name: n1, devices: [/dev/sdb]}]", []string{"/nodes/0", "missing property 'address'"}},
		{"a node without devices", "nodes: [{name: n1, address: h1, devices: []}]", []string{"/nodes/0/devices", "minItems"}},
		{"a device that is no text", "nodes: [{name: n1, address: h1, devices: [{name: /dev/sdb}]}]", []string{"/nodes/0/devices/0", "want string"}},
		{"a zone's name", "nodes: [{name: n1, address: h1, zone: a, devices: [/dev/sdb]}]", []string{"/nodes/0/zone", "want integer"}},
		{"a number for a name", "nodes: [{name: 1, address: h1, devices: [/dev/sdb]}]", []string{"/nodes/0/name", "want string"}},
		{"a topology that is no text", "topologyJSON: {clusters: []}", []string{"/topologyJSON", "want string"}},
		{"an unknown strategy", "gluster: {updateStrategy: Recreate}", []string{"/gluster/updateStrategy", "'RollingUpdate', 'OnDelete'"}},
		{"a time without unit", "gluster: {healTimeout: '30'}", []string{"/gluster/healTimeout", "does not match"}},
		{"no room for logs", "gluster: {logs: {sizeMiB: 0}}", []string{"/gluster/logs/sizeMiB", "minimum"}},
		{"minus one copy", "gluster: {logs: {copies: -1}}", []string{"/gluster/logs/copies", "minimum"}},
		{"a unit", "gluster: {logs: {days: 30d}}", []string{"/gluster/logs/days", "want integer"}},
		{"servers on all nodes", "gluster: {nodeSelector: {storagenode: null}}", []string{"/gluster/nodeSelector", "minProperties"}},
		{"another database", "heketi: {config: {db: /tmp/heketi.db}}", []string{"/heketi/config", "'db' not allowed"}},
		{"another executor", "heketi: {config: {sshexec: {user: root}}}", []string{"/heketi/config", "'sshexec' not allowed"}},
		{"more than Heketi's own limit", "heketi: {glusterTimeout: 3601}", []string{"/heketi/glusterTimeout", "maximum"}},
		{"less than a minute", "heketi: {glusterTimeout: 59}", []string{"/heketi/glusterTimeout", "minimum"}},
		{"an unknown level", "heketi: {logLevel: verbose}", []string{"/heketi/logLevel", "'debug'"}},
		{"a name for an address", "heketi: {service: {clusterIP: heketi}}", []string{"/heketi/service/clusterIP", "does not match"}},
		{"a path for a Secret", "heketi: {tls: {existingSecret: /etc/tls}}", []string{"/heketi/tls/existingSecret"}},
		{"a name for a peer", "heketi: {networkPolicy: {from: [monitoring]}}", []string{"/heketi/networkPolicy/from/0", "want object"}},
		{"an unknown field of a peer", "heketi: {networkPolicy: {from: [{namespace: monitoring}]}}", []string{"/heketi/networkPolicy/from/0", "'namespace' not allowed"}},
		{"no slots", "heketi: {backup: {slots: 0}}", []string{"/heketi/backup/slots", "minimum"}},
		{"a schedule that is none", "heketi: {backup: {schedule: daily}}", []string{"/heketi/backup/schedule", "does not match"}},
		{"a text for a switch", "glusterfs-csi: {enabled: 'yes'}", []string{"/glusterfs-csi/enabled", "want boolean"}},
		{"an unknown value of the driver", "glusterfs-csi: {backend: []}", []string{"glusterfs-csi:", "'backend' not allowed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { storageRefused(t, tt.values, tt.says...) })
	}
}
