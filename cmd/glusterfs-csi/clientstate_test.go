package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
)

// TestClientState: metrics have each number of a report.
func TestClientState(t *testing.T) {
	got := clientState(fuseclient.Report{
		Clients: []fuseclient.Client{{Placement: "node", Version: "10.3-a", Memory: 3}, {Placement: "node", Version: "10.3-a", Memory: 4}, {Placement: "pod"}},
		InPod:   true, Old: 5, Deaths: 6, Lacking: 7,
	})
	want := metrics.ClientState{
		Clients: map[metrics.ClientKind]int{{Placement: "node", Version: "10.3-a"}: 2, {Placement: "pod"}: 1},
		Memory:  7, InPod: true, Old: 5, Deaths: 6, Lacking: 7,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
