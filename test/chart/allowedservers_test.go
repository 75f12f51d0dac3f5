package chart

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// The chart refuses the servers that the driver refuses, and gives the same advice.
func TestAllowedServersThatTheDriverRefuses(t *testing.T) {
	const forms = "write a network as in 10.0.0.0/24, an address, a name, or a name as in *.storage.example"
	for item, advice := range map[string]string{
		"10.0.0.5/24":             "write 10.0.0.0/24 for the network, or 10.0.0.5 for the address alone",
		"192.168.77.129/25":       "write 192.168.77.128/25 for the network, or 192.168.77.129 for the address alone",
		"172.31.9.9/12":           "write 172.16.0.0/12 for the network, or 172.31.9.9 for the address alone",
		"10.0.0.1/0":              "write 0.0.0.0/0 for the network, or 10.0.0.1 for the address alone",
		"2001:DB8::1/64":          "write 2001:db8::/64 for the network, or 2001:db8::1 for the address alone",
		"fd00:0:0:1::8000/113":    "",
		"fd00:1:2:3:4:5:6:7/126":  "write fd00:1:2:3:4:5:6:4/126 for the network, or fd00:1:2:3:4:5:6:7 for the address alone",
		"2001:db8:ffff:8000::/49": "",
		"2001:db8:ffff:c000::/49": "write 2001:db8:ffff:8000::/49 for the network, or 2001:db8:ffff:c000:: for the address alone",
		"::1/0":                   "write ::/0 for the network, or ::1 for the address alone",
		"10.0.0.0/33":             forms,
		"10.0.0.0/024":            forms,
		"10.0.0/24":               forms,
		"10.0.0.256/24":           forms,
		"fd00::/129":              forms,
		"fd00:1:2:3:4:5:6:7:8/64": forms,
		"gluster/24":              forms,
		"10.0.0.300":              forms,
		"*.10.0.0.1":              forms,
		"10.0.0.1:24007":          forms,
		"10.0.0.0/8":              "",
		"0.0.0.0/0":               "",
		"10.0.0.5/32":             "",
		"10.0.0.5":                "",
		"fd00::5":                 "",
		"[fd00::5]":               "",
		"fd00::/8":                "",
		"::/0":                    "",
		"fd00::5/128":             "",
		"::ffff:10.0.0.5":         "",
		"gluster-1":               "",
		"*.storage.example":       "",
		"10.storage.example":      "",
	} {
		t.Run(item, func(t *testing.T) {
			want := fmt.Sprintf("%q: %s", item, advice)
			_, err := mount.ParseAllowedServers([]string{item})
			if (err != nil) != (advice != "") || err != nil && !strings.HasSuffix(err.Error(), strings.ToLower(want)) {
				t.Errorf("the driver says %v, want %s", err, want)
			}
			values := fmt.Sprintf("node: {allowedServers: [gluster-0, %q]}", item)
			if advice != "" {
				refused(t, values, "node.allowedServers[1]: "+want)
			} else if said, err := template(t, values); err != nil {
				t.Error(said)
			}
		})
	}
}
