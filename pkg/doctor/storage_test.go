package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// cluster is a Kubernetes cluster with the chart.
type cluster struct {
	daemonSets    []kube.DaemonSet
	nodes         []kube.Node
	gluster       []kube.Pod
	heketi        []kube.Pod
	secrets       map[string]kube.Secret
	fail          map[string]error         // by the kind of object
	servers       map[string]status.Server // by pod
	heal          status.Heal
	silent        map[string]error // pods that do not answer
	withoutHeal   map[string]error // pods that do not answer about the heal backlog
	asked         []string
	wantNamespace string
}

const storageNamespace = "glusterfs-storage"

var now = time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)

func (c *cluster) DaemonSets(_ context.Context, namespace, selector string) ([]kube.DaemonSet, error) {
	if namespace != c.wantNamespace || selector != "app.kubernetes.io/name=glusterfs-storage,app.kubernetes.io/component=gluster" {
		return nil, fmt.Errorf("asked for DaemonSets in %q with %s", namespace, selector)
	}
	return c.daemonSets, c.fail["daemonsets"]
}

func (c *cluster) Nodes(context.Context) ([]kube.Node, error) { return c.nodes, c.fail["nodes"] }

func (c *cluster) Pods(_ context.Context, namespace, selector string) ([]kube.Pod, error) {
	switch {
	case namespace != storageNamespace:
		return nil, fmt.Errorf("asked for pods in %q", namespace)
	case strings.HasSuffix(selector, "component=heketi"):
		return slices.Clone(c.heketi), c.fail["heketi"]
	}
	return slices.Clone(c.gluster), c.fail["pods"]
}

func (c *cluster) Secret(_ context.Context, namespace, name string) (kube.Secret, error) {
	secret, ok := c.secrets[name]
	if err := c.fail["secrets"]; err != nil {
		return kube.Secret{}, err
	}
	if !ok || namespace != storageNamespace {
		return kube.Secret{}, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return secret, nil
}

// Run implements servers.Runner.
func (c *cluster) Run(_ context.Context, pod, container string, command ...string) ([]byte, error) {
	switch line := strings.Join(command, " "); {
	case container != "glusterfs":
		return nil, fmt.Errorf("asked container %s", container)
	case c.silent[pod] != nil:
		return nil, c.silent[pod]
	case line == "/glusterfs-storage status":
		return json.Marshal(c.servers[pod])
	case line == "/glusterfs-storage status --heal" && c.withoutHeal[pod] != nil:
		return nil, c.withoutHeal[pod]
	case line == "/glusterfs-storage status --heal":
		c.asked = append(c.asked, pod)
		return json.Marshal(c.heal)
	default:
		return nil, errors.New("asked " + line)
	}
}

func (c *cluster) run(t *testing.T) []report.Finding {
	t.Helper()
	return Run(t.Context(), Config{Storage: &Storage{
		Kubernetes: c, Namespace: c.wantNamespace, Now: func() time.Time { return now },
		Runner: func(namespace string) servers.Runner {
			if namespace != storageNamespace {
				t.Errorf("commands for namespace %q", namespace)
			}
			return c
		},
	}})
}

// backup returns a Secret with a copy of the database.
func backup(sha string, at time.Time, annotations ...string) kube.Secret {
	s := kube.Secret{Data: map[string][]byte{"heketi.db.gz": []byte("db")}, Annotations: map[string]string{
		"glusterfs-storage/taken-at": at.Format(time.RFC3339), "glusterfs-storage/sha256": sha,
	}}
	for i := 0; i < len(annotations); i += 2 {
		s.Annotations[annotations[i]] = annotations[i+1]
	}
	return s
}

func brickOf(n int, volume, state string) glustercli.Brick {
	return glustercli.Brick{Path: fmt.Sprintf("10.0.0.%d:/var/lib/heketi/mounts/vg_%d/brick_%s/brick", n, n, volume), Status: state}
}

// newCluster returns three servers with two volumes, and another node.
func newCluster() *cluster {
	c := &cluster{
		daemonSets: []kube.DaemonSet{{Namespace: storageNamespace, Name: "glusterfs", NodeSelector: map[string]string{"storagenode": "glusterfs", "kubernetes.io/os": "linux"}, Desired: 3}},
		nodes:      []kube.Node{{Name: "worker1", Labels: map[string]string{"kubernetes.io/os": "linux"}}},
		heketi:     []kube.Pod{{Name: "heketi-0", Node: "worker1", Ready: true}},
		secrets: map[string]kube.Secret{
			"heketi-db-backup":   backup("aa", now.Add(-90*24*time.Hour)),
			"heketi-db-backup-0": backup("aa", now.Add(-30*time.Hour)),
			"heketi-db-backup-1": backup("aa", now.Add(-12*time.Hour)),
			"heketi-db-backup-2": {},
		},
		fail: map[string]error{}, servers: map[string]status.Server{}, silent: map[string]error{}, withoutHeal: map[string]error{},
		heal: status.Heal{Volumes: []status.VolumeHeal{{Name: "heketidbstorage"}, {Name: "vol_1"}}},
	}
	for n := 1; n <= 3; n++ {
		node := fmt.Sprintf("storage%d", n)
		c.nodes = append(c.nodes, kube.Node{Name: node, Labels: map[string]string{"kubernetes.io/os": "linux", "storagenode": "glusterfs"}})
		c.gluster = append(c.gluster, kube.Pod{Name: "glusterfs-" + node, Node: node, Ready: true})
		s := status.Server{Pools: []status.Pool{{Group: "vg_1", Name: "tp_1", Size: 10, Promised: 10, Active: true, Data: 100, Metadata: 2.5}}}
		for peer := 1; peer <= 3; peer++ {
			p := glustercli.Peer{UUID: fmt.Sprintf("uuid-%d", peer), Hostname: fmt.Sprintf("10.0.0.%d", peer), Connected: true, State: "Peer in Cluster"}
			if peer == n {
				p.Hostname, p.State = "localhost", ""
			}
			s.Peers = append(s.Peers, p)
		}
		for _, volume := range []string{"heketidbstorage", "vol_1"} {
			s.Volumes = append(s.Volumes, glustercli.Volume{Name: volume, Type: "Replicate", Status: "Started", Bricks: []glustercli.Brick{brickOf(n, volume, "Started")}})
		}
		c.servers["glusterfs-"+node] = s
	}
	return c
}

func TestHealthyStorage(t *testing.T) {
	c := newCluster()
	golden(t, "storage-healthy.txt", c.run(t))
	if !slices.Equal(c.asked, []string{"glusterfs-storage1"}) {
		t.Errorf("%q were asked for the heal backlog, want one server of the pool", c.asked)
	}
	c.wantNamespace = storageNamespace
	if code := report.ExitCode(c.run(t)); code != 0 {
		t.Errorf("with the namespace: %d", code)
	}
}

// TestDamagedStorage: a node is down, a server lacks its device, and a backup is old.
func TestDamagedStorage(t *testing.T) {
	c := newCluster()
	c.gluster[2].Ready, c.gluster[2].Why = false, "its phase is Running: NodeLost"
	c.silent["glusterfs-storage3"] = errors.New("run /glusterfs-storage in pod glusterfs-storage/glusterfs-storage3: error dialing backend: no route to host")
	for _, pod := range []string{"glusterfs-storage1", "glusterfs-storage2"} {
		c.servers[pod].Peers[2].Connected = false
	}
	c.servers["glusterfs-storage2"].Volumes[1].Bricks[0].Status = "Stopped"
	c.heal.Volumes[1].Summary = glustercli.HealSummary{Pending: 1234, SplitBrain: 1, Unknown: []string{"10.0.0.3:/var/lib/heketi/mounts/vg_3/brick_vol_1/brick"}}
	c.secrets["heketi-db-backup-1"] = kube.Secret{}
	c.secrets["heketi-db-backup-0"] = backup("aa", now.Add(-80*time.Hour))
	golden(t, "storage-damaged.txt", c.run(t))
}

func TestStorageThatIsNotInstalled(t *testing.T) {
	c := newCluster()
	c.daemonSets = nil
	found := c.run(t)
	if len(found) != 1 || found[0].Severity != report.Warning || found[0].Check != "storage-installed" || !strings.Contains(found[0].Message, "not installed in any namespace") {
		t.Errorf("%+v", found)
	}
	c.wantNamespace = "elsewhere"
	if found = c.run(t); len(found) != 1 || !strings.Contains(found[0].Message, "not installed in namespace elsewhere") {
		t.Errorf("%+v", found)
	}
	c.fail["daemonsets"] = errors.New("daemonsets.apps is forbidden")
	if found = c.run(t); len(found) != 1 || found[0].Severity != report.Warning || !strings.Contains(found[0].Message, "is forbidden") || !strings.Contains(found[0].Remedy, "--storage-namespace") {
		t.Errorf("%+v", found)
	}
}
