package topology

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// classic is a file as in the tutorials of gluster-kubernetes: with both forms of devices.
const classic = `{
  "clusters": [
    {
      "nodes": [
        {
          "node": {"hostnames": {"manage": ["n1"], "storage": ["192.168.10.100"]}, "zone": 1},
          "devices": ["/dev/sdb", {"name": "/dev/sdc", "destroydata": true, "tags": {"ssd": "yes"}}]
        },
        {
          "node": {"hostnames": {"manage": ["n2"], "storage": ["192.168.10.101"]}, "zone": 2, "tags": {"arbiter": "disabled"}},
          "devices": ["/dev/disk/by-id/ata-A_B:1"]
        },
        {
          "node": {"hostnames": {"manage": ["n3.example.org"], "storage": ["fd00::3"]}, "zone": 1},
          "devices": []
        }
      ]
    }
  ]
}
`

func TestParse(t *testing.T) {
	want := Topology{Clusters: []Cluster{{File: true, Block: true, Nodes: []Node{
		{
			Manage: []string{"n1"}, Storage: []string{"192.168.10.100"}, Zone: 1,
			Devices: []Device{{Name: "/dev/sdb"}, {Name: "/dev/sdc", DestroyData: true, Tags: map[string]string{"ssd": "yes"}}},
		},
		{
			Manage: []string{"n2"}, Storage: []string{"192.168.10.101"}, Zone: 2, Tags: map[string]string{"arbiter": "disabled"},
			Devices: []Device{{Name: "/dev/disk/by-id/ata-A_B:1"}},
		},
		{Manage: []string{"n3.example.org"}, Storage: []string{"fd00::3"}, Zone: 1},
	}}}}
	got, err := Parse([]byte(classic))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	// Letter case is ignored, as in heketi-cli. Comments are our extension.
	other := strings.NewReplacer(`"nodes"`, `"_why": [null], "Nodes"`, `"zone"`, `"Zone"`).Replace(classic)
	if got, err := Parse([]byte(other)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	flags := strings.Replace(classic, `"nodes"`, `"file": false, "block": true, "nodes"`, 1)
	if got, err := Parse([]byte(flags)); err != nil || got.Clusters[0].File || !got.Clusters[0].Block {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct{ old, new, want string }{
		"no JSON":               {classic, "clusters:\n- nodes: []\n", "line 1: this is not JSON"},
		"empty":                 {classic, "", "line 1: this is not JSON: it ends too early"},
		"cut off":               {"      ]\n    }\n  ]\n}\n", "      ]\n    }\n", "line 18: this is not JSON: it ends too early: a bracket or brace is not closed"},
		"trailing comma":        {`"devices": []`, `"devices": [],`, "line 16: this is not JSON"},
		"something behind":      {"  ]\n}\n", "  ]\n}\n{}", "there is text after its end"},
		"a list":                {classic, "[]", "line 1: the topology: a list must be an object"},
		"nothing":               {classic, "{}", `it has no nodes: write "clusters": [{"nodes": [...]}]`},
		"no nodes":              {classic, `{"clusters": [{"nodes": []}]}`, "it has no nodes"},
		"an empty cluster":      {`"clusters": [`, `"clusters": [{"nodes": []}, `, "clusters[0]: it has no nodes: add some, or remove the cluster"},
		"a typing error":        {`"devices": []`, `"device": []`, `line 15: clusters[0].nodes[2]: unknown field "device": did you mean devices?`},
		"another field":         {`"devices": []`, `"owner": []`, `unknown field "owner": allowed are node, devices`},
		"another format":        {`"nodes"`, `"id": "123", "nodes"`, "this looks like what heketi-cli topology info --json prints"},
		"a field twice":         {`"devices": []`, `"devices": [], "devices": []`, `line 15: clusters[0].nodes[2]: field "devices" occurs twice, first in line 15`},
		"no node":               {`"node": {"hostnames": {"manage": ["n3.example.org"], "storage": ["fd00::3"]}, "zone": 1},`, ``, `line 13: clusters[0].nodes[2]: "node" is missing: write "node": {`},
		"no hostnames":          {`"hostnames": {"manage": ["n3.example.org"], "storage": ["fd00::3"]}, `, ``, `line 14: clusters[0].nodes[2].node: "hostnames" is missing`},
		"no storage":            {`, "storage": ["fd00::3"]`, ``, `line 14: clusters[0].nodes[2].node.hostnames: "storage" is missing: write "storage": ["ADDRESS"]`},
		"empty manage":          {`["n3.example.org"]`, `[]`, `clusters[0].nodes[2].node.hostnames.manage: it is empty`},
		"manage as text":        {`["n3.example.org"]`, `"n3.example.org"`, `clusters[0].nodes[2].node.hostnames.manage: "n3.example.org" must be a list, in brackets`},
		"no zone":               {`["fd00::3"]}, "zone": 1}`, `["fd00::3"]}}`, `line 14: clusters[0].nodes[2].node: "zone" is missing`},
		"zone 0":                {`"zone": 2`, `"zone": 0`, "line 10: clusters[0].nodes[1].node.zone: 0 must be a whole number from 1"},
		"zone in quotes":        {`"zone": 2`, `"zone": "2"`, `clusters[0].nodes[1].node.zone: "2" must be a whole number from 1`},
		"half a zone":           {`"zone": 2`, `"zone": 1.5`, `clusters[0].nodes[1].node.zone: 1.5 must be a whole number from 1`},
		"a device as number":    {`"devices": []`, `"devices": [7]`, `clusters[0].nodes[2].devices[0]: 7 must be a path, as in "/dev/sdb", or an object`},
		"a device without name": {`"devices": []`, `"devices": [{}]`, `clusters[0].nodes[2].devices[0]: "name" is missing: write "name": "/dev/sdb"`},
		"destroydata as text":   {`"destroydata": true`, `"destroydata": "true"`, `clusters[0].nodes[0].devices[1].destroydata: "true" must be true or false, without quotes`},
		"a tag as number":       {`"ssd": "yes"`, `"ssd": 1`, `clusters[0].nodes[0].devices[1].tags.ssd: 1 must be text, in quotes`},
		"too deep":              {`"devices": []`, `"devices": ` + strings.Repeat("[", 30) + strings.Repeat("]", 30), "nested too deeply"},

		"a node twice":         {`["n2"]`, `["n1"]`, "node n1 occurs twice: in clusters[0].nodes[0] and in clusters[0].nodes[1]"},
		"an address twice":     {`"192.168.10.101"`, `"192.168.10.100"`, "address 192.168.10.100 occurs twice: in clusters[0].nodes[0] and in clusters[0].nodes[1]"},
		"a device twice":       {`"/dev/sdc"`, `"/dev//sdb"`, "clusters[0].nodes[0].devices[1] (n1): device /dev//sdb occurs twice on this node"},
		"no path":              {`"/dev/sdb"`, `"sdb"`, `clusters[0].nodes[0].devices[0] (n1): "sdb" is not a device path: write one such as /dev/sdb`},
		"a path elsewhere":     {`"/dev/sdb"`, `"/dev/../etc/passwd"`, `is not a device path`},
		"a command as path":    {`"/dev/sdb"`, `"/dev/sdb; reboot"`, `is not a device path`},
		"a command as name":    {`["n2"]`, `["n2$(reboot)"]`, `clusters[0].nodes[1]: "n2$(reboot)" is not a valid node name`},
		"an option as address": {`"192.168.10.101"`, `"--help"`, `clusters[0].nodes[1] (n2): "--help" is not an address`},
		"a loopback address":   {`"192.168.10.101"`, `"127.0.0.1"`, "127.0.0.1 is every machine's own address"},
		"localhost":            {`"192.168.10.101"`, `"LocalHost"`, "LocalHost is every machine's own address"},
		"a long tag":           {`"yes"`, `"` + strings.Repeat("x", 65) + `"`, `tag "ssd" of /dev/sdc`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(classic, tt.old, tt.new, 1)
			if text == classic {
				t.Fatal("the test changes nothing")
			}
			if got, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// TestAllMistakes: one error names all mistakes, so that the administrator can correct them together.
func TestAllMistakes(t *testing.T) {
	text := strings.NewReplacer(`"zone": 2`, `"zone": 0`, `"devices": []`, `"device": []`, `"destroydata": true`, `"destroydata": 1`).Replace(classic)
	_, err := Parse([]byte(text))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%v", err)
	}
	_, err = Parse([]byte(`{"clusters": [` + strings.Repeat("1,", 50) + `1]}`))
	if err == nil || !strings.HasSuffix(err.Error(), "\nand 41 more") {
		t.Errorf("%v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if got, err := Read(write("good", classic)); err != nil || len(got.Nodes()) != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	for path, want := range map[string]string{
		write("bad", "[]"): filepath.Join(dir, "bad") + ": line 1: ",
		write("large", classic+strings.Repeat(" ", largest)): "larger than 1048576 bytes",
		filepath.Join(dir, "missing"):                        "no such file",
	} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestForReplica(t *testing.T) {
	three := strings.Replace(classic, `"devices": []`, `"devices": ["/dev/sdb"]`, 1)
	two, err := Parse([]byte(classic))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.ForReplica(3); err == nil || !strings.Contains(err.Error(), "replica 3 needs 3 nodes with devices in one cluster, and there are 2") {
		t.Errorf("%v", err)
	}
	all, err := Parse([]byte(three))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := all.ForReplica(3); err != nil || len(c.Nodes) != 3 {
		t.Errorf("%+v, %v", c, err)
	}
}

// FuzzParse: any input is a topology that can be given to Heketi, or a mistake with a message.
func FuzzParse(f *testing.F) {
	f.Add([]byte(classic))
	for _, seed := range []string{"", "{", "[]", "null", `{"clusters": [{"nodes": [{"node": {}}]}]}`, `{"clusters": [{"nodes": [], "nodes": []}]}`, "{\"clusters\": [\xff]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		topology, err := Parse(content)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 20<<10 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			return
		}
		names := map[string]bool{}
		for _, n := range topology.Nodes() {
			if n.Zone < 1 || len(n.Manage) == 0 || len(n.Storage) == 0 || names[n.Name()] {
				t.Errorf("%+v", n)
			}
			names[n.Name()] = true
			for _, text := range append(append([]string{}, n.Manage...), n.Storage...) {
				if text == "" || strings.HasPrefix(text, "-") || strings.ContainsAny(text, " \t\n'\"`$;&|<>()\\*?/") {
					t.Errorf("host %q", text)
				}
			}
			for _, d := range n.Devices {
				if !strings.HasPrefix(filepath.Clean(d.Name), "/dev/") || strings.ContainsAny(d.Name, " \t\n'\"`$;&|<>()\\*?") {
					t.Errorf("device %q", d.Name)
				}
			}
		}
	})
}
