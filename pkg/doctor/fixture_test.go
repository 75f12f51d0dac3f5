package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func id(n int) string { return fmt.Sprintf("%032x", n) }

type object = map[string]any

// site holds the contents of a Heketi as a dump.
type site struct {
	clusters, nodes, devices, volumes, operations object
}

// newSite returns one cluster of three nodes (10.0.0.1 to 3) with a device of 100 GiB each.
func newSite() site {
	s := site{clusters: object{}, nodes: object{}, devices: object{}, volumes: object{}, operations: object{}}
	var nodes []string
	for n := 1; n <= 3; n++ {
		nodes = append(nodes, id(0xa0+n))
		s.node(id(0xa0+n), fmt.Sprintf("10.0.0.%d", n), "online")
		s.device(id(0xd0+n), id(0xa0+n), "online", 100<<20)
	}
	s.cluster(id(1), true, nodes...)
	return s
}

func (s site) cluster(id string, file bool, nodes ...string) {
	s.clusters[id] = object{"Info": object{"id": id, "nodes": nodes, "file": file, "block": true}}
}

func (s site) node(id, host, state string) {
	s.nodes[id] = object{"State": state, "Info": object{"zone": 1, "hostnames": object{"storage": []string{host}}}}
}

func (s site) device(id, node, state string, freeKiB int) {
	s.devices[id] = object{"State": state, "NodeId": node, "ExtentSize": 4096, "Info": object{"storage": object{"free": freeKiB}}}
}

func (s site) volume(id, cluster, name, operation string) {
	s.volumes[id] = object{"Info": object{"name": name, "cluster": cluster, "size": 2}, "Pending": object{"Id": operation}}
}

// serve makes the server answer with the site's contents.
func (s site) serve(t *testing.T, server *heketitest.Server, operations []object, inconsistencies ...string) {
	t.Helper()
	answer := func(path string, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		server.Inject(heketitest.Fault{Prefix: "GET " + path, Status: http.StatusOK, Body: string(body)})
	}
	answer("/db/dump", object{"clusterentries": s.clusters, "nodeentries": s.nodes, "deviceentries": s.devices,
		"volumeentries": s.volumes, "pendingoperations": s.operations})
	answer("/db/check", object{"totalinconsistencies": len(inconsistencies), "clusters": object{"inconsistencies": inconsistencies}})
	answer("/operations/pending", object{"pendingoperations": append([]object{}, operations...)})
	server.Inject(heketitest.Fault{Prefix: "GET /hello", Status: http.StatusOK, Body: "Hello from Heketi"})
}

// prober reaches all hosts except the given ones.
func prober(refused ...string) *mount.Prober {
	return &mount.Prober{Limit: time.Minute, Grace: time.Minute, Lookup: (&net.Resolver{}).LookupNetIP, LookupLimit: time.Minute, Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		for _, host := range refused {
			if address == net.JoinHostPort(host, "24007") {
				return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connect: connection refused")}
			}
		}
		ours, theirs := net.Pipe()
		_ = theirs.Close()
		return ours, nil
	}}
}

// configFile writes a configuration with the servers by name, and the key.
func configFile(t *testing.T, key string, servers map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key")
	if err := os.WriteFile(keyFile, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("backends:\n")
	for name, url := range servers {
		fmt.Fprintf(&text, "- name: %s\n  url: %s\n", name, url)
		if key != "" {
			text.WriteString("  keyFile: " + keyFile + "\n")
		}
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// addCluster adds a cluster to a configuration with one backend.
func addCluster(t *testing.T, path, cluster string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if !strings.Contains(text, "  clusters:\n") {
		text += "  clusters:\n"
	}
	if err := os.WriteFile(path, []byte(text+"  - "+cluster+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func one(url string) map[string]string { return map[string]string{"production": url} }

// find returns the findings of a check.
func find(findings []report.Finding, check string) []report.Finding {
	var found []report.Finding
	for _, f := range findings {
		if f.Check == check {
			found = append(found, f)
		}
	}
	return found
}

// golden compares the text of findings with a file in testdata, after replacing variable addresses and paths, and returns it.
func golden(t *testing.T, name string, findings []report.Finding, replace ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.WriteText(&out, findings); err != nil {
		t.Fatal(err)
	}
	got := strings.NewReplacer(replace...).Replace(out.String())
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it):\n%s", path, got)
	}
	return got
}

func ourName(csiName string) string { return volume.GlusterName(csiName, volume.Naming{}) }
