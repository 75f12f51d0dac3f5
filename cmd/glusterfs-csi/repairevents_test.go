package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestSummaryOf(t *testing.T) {
	lost := []healing.Loss{{Point: "/data"}}
	for _, c := range []struct {
		outcome healing.Outcome
		want    string
	}{
		{healing.Outcome{}, metrics.OutcomeHealed}, // no mount was in use
		{healing.Outcome{Mounts: 2}, metrics.OutcomeHealed},
		{healing.Outcome{Mounts: 2, Covered: 2}, metrics.OutcomeHealed},
		{healing.Outcome{Mounts: 2, Lost: lost}, metrics.OutcomePartly},
		{healing.Outcome{Mounts: 2, Pending: 1}, metrics.OutcomePartly},
		{healing.Outcome{Lost: lost}, metrics.OutcomeFailed},
		{healing.Outcome{Pending: 1}, metrics.OutcomeFailed},
	} {
		if got := summaryOf(c.outcome); got != c.want {
			t.Errorf("%+v: %s, want %s", c.outcome, got, c.want)
		}
	}
}

// TestRepairEvents: the PersistentVolume and each pod whose mounts were repaired get one event; a pod gets another for each mount
// that it lost.
func TestRepairEvents(t *testing.T) {
	healed := "The volume's GlusterFS client had ended; a new one has taken its place"
	graph := "The bricks or options of the volume had changed, or bricks had been away; mounts inside the volume that the kernel dropped were restored"
	for name, c := range map[string]struct {
		outcome healing.Outcome
		graph   bool
		want    []string
	}{
		"two of three mounts": {
			outcome: healing.Outcome{Mounts: 2, Pods: []string{"u1"}, Lost: []healing.Loss{{Pod: "u2", Point: "/data/sub", Reason: "it is gone"}}},
			want: []string{
				"PersistentVolume pv Normal MountHealed " + healed + ": 2 mounts, 25ms",
				"Pod p1 Normal MountHealed " + healed + ": 2 mounts, 25ms",
				"Pod p2 Warning MountNotHealed The mount at /data/sub cannot be repaired: it is gone; restart the container",
			},
		},
		"after a change of the graph": {
			outcome: healing.Outcome{Mounts: 1, Pods: []string{"u2"}}, graph: true,
			want: []string{
				"PersistentVolume pv Normal MountsRestored " + graph + ": 1 mounts, 25ms",
				"Pod p2 Normal MountsRestored " + graph + ": 1 mounts, 25ms",
			},
		},
		"a restart does not help": {
			outcome: healing.Outcome{Lost: []healing.Loss{{Pod: "u2", Point: "/data", Reason: "this Linux cannot", DeletePod: true}}}, graph: true,
			want: []string{"Pod p2 Warning MountNotHealed The mount at /data cannot be repaired: this Linux cannot; delete the pod"},
		},
		"on the node only": {outcome: healing.Outcome{Mounts: 1}, want: []string{"PersistentVolume pv Normal MountHealed " + healed + ": 1 mounts, 25ms"}},
		"many layers": {
			outcome: healing.Outcome{Mounts: 1, Covered: 1, Pods: []string{"u1"}, Layers: []healing.Layers{{Pod: "u1", Point: "/data", Dead: 10}}},
			want: []string{
				"PersistentVolume pv Normal MountHealed " + healed + ": 1 mounts, 25ms",
				"Pod p1 Normal MountHealed " + healed + ": 1 mounts, 25ms",
				"Pod p1 Warning ClientEnded The mount at /data works, and 10 dead mounts lie beneath it. Linux before 6.5 cannot remove them: " +
					"restart the pod at a convenient time, and find out why clients end",
			},
		},
		"nothing yet":           {outcome: healing.Outcome{Pending: 3}},
		"lost on the node only": {outcome: healing.Outcome{Lost: []healing.Loss{{Point: "/var/lib/kubelet/x"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := reportedEvents(t, func(events *kube.Events) {
				o := repairObserver{metrics.NewHealing(prometheus.NewRegistry()), events, publications}
				c.outcome.VolumeID, c.outcome.Took = "id", 25*time.Millisecond
				if c.graph {
					o.GraphRepaired(c.outcome)
				} else {
					o.Healed(c.outcome)
				}
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	without := repairObserver{metrics.NewHealing(prometheus.NewRegistry()), nil, nil}
	without.Healed(healing.Outcome{Mounts: 1})
	without.ClientEnded("id", 0)
}

// TestWrittenEvents: each pod gets the names of the files that its mount hides.
func TestWrittenEvents(t *testing.T) {
	got := reportedEvents(t, func(events *kube.Events) {
		(&repairObserver{metrics.NewHealing(prometheus.NewRegistry()), events, publications}).WroteBeneath("id", []healing.Written{
			{Pod: "u1", Point: "/data/tmp", Names: []string{"a b", "c"}}, {Pod: "u2", Point: "/tmp", Names: []string{"\x1b[1m"}, More: true},
			{Point: "/outside", Names: []string{"x"}}, {Pod: "gone", Point: "/gone", Names: []string{"x"}},
		})
	})
	message := func(pod, point, names string) string {
		return "Pod " + pod + " Warning WroteBelowMount The mount at " + point + " was temporarily missing. Since the mount was last seen, " +
			"these files changed in the volume's directory beneath the mount, which hides them now: " + names + ". Copy the files from a pod that mounts only the volume"
	}
	if diff := cmp.Diff([]string{message("p1", "/data/tmp", `"a b", "c"`), message("p2", "/tmp", `"\x1b[1m", and more`)}, got); diff != "" {
		t.Error(diff)
	}
}

// TestEndEvents: the PersistentVolume and all pods that use the volume get one event each, immediately.
func TestEndEvents(t *testing.T) {
	for hung, what := range map[time.Duration]string{0: "has ended", 2 * time.Minute: "had not answered for 2m0s, and was ended"} {
		message := " Warning ClientEnded The volume's GlusterFS client " + what + "; a new one is started. Calls in progress fail, and so does access to files that were open"
		registry := prometheus.NewRegistry()
		got := reportedEvents(t, func(events *kube.Events) {
			(&repairObserver{metrics.NewHealing(registry), events, publications}).ClientEnded("id", hung)
		})
		if counted := counterValue(t, registry, "glusterfs_csi_node_hung_clients_total"); (counted == 1) != (hung > 0) {
			t.Errorf("%v: %v hung clients are counted", hung, counted)
		}
		if diff := cmp.Diff([]string{"PersistentVolume pv" + message, "Pod p1" + message, "Pod p2" + message}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSummary: a mount that cannot be repaired is counted at each attempt, although it is reported once.
func TestSummary(t *testing.T) {
	for want, outcome := range map[string]healing.Outcome{
		metrics.OutcomeHealed: {Mounts: 1}, metrics.OutcomePartly: {Mounts: 1, Known: 1}, metrics.OutcomeFailed: {Known: 1},
	} {
		if got := summaryOf(outcome); got != want {
			t.Errorf("%+v is %s, want %s", outcome, got, want)
		}
	}
}

// counterValue returns the value of a counter without labels.
func counterValue(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// publications returns two publications of one pod, one of another, and one that an earlier version made.
func publications(string) []fuseclient.Publication {
	pod := func(n string) mount.Pod { return mount.Pod{Namespace: "ns", Name: "p" + n, UID: "u" + n} }
	return []fuseclient.Publication{{Pod: pod("1"), PV: "pv"}, {Pod: pod("1"), PV: "pv"}, {Pod: pod("2"), PV: "pv"}, {}}
}

// reportedEvents returns the events that the API server receives.
func reportedEvents(t *testing.T, report func(*kube.Events)) (got []string) {
	t.Helper()
	type event struct {
		Object struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"involvedObject"`
		Type    string `json:"type"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e event
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil {
			t.Error(err)
		}
		got = append(got, strings.Join([]string{e.Object.Kind, e.Object.Name, e.Type, e.Reason, e.Message}, " "))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	content := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "c", "cluster": {"server": %q}}],
		"contexts": [{"name": "c", "context": {"cluster": "c"}}]}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := kube.NewClient(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	events := client.NewEvents("driver", "node")
	report(events)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	events.Run(ended) // creates the waiting events
	slices.Sort(got)
	return got
}
