package fuseclient

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestServersOfTheCluster: the servers that the node has for a cluster replace those in the PersistentVolume, also for a volume
// that was staged before they were configured.
func TestServersOfTheCluster(t *testing.T) {
	n := newNode(t)
	s := source("vol")
	s.Cluster = "moved"
	stage := func() record {
		t.Helper()
		if err := n.Stage(t.Context(), s, n.path("staging")); err != nil {
			t.Fatal(err)
		}
		return n.known()
	}
	n.cfg.Servers = map[string][]string{"other": {"gluster7"}}
	first := stage()
	if diff := cmp.Diff([]string{"gluster1", "gluster2"}, serversOf(t, first)); diff != "" {
		t.Errorf("servers of another cluster are known: %s", diff)
	}
	n.restart()
	n.cfg.Servers = map[string][]string{"moved": {"gluster8", "gluster9"}}
	if again := stage(); again.Process != first.Process {
		t.Error("a client that runs was replaced")
	}
	n.kill(first)
	n.mustPublish("target")
	if diff := cmp.Diff([]string{"gluster8", "gluster9"}, serversOf(t, n.known())); diff != "" {
		t.Errorf("servers of the cluster are known: %s", diff)
	}
}

// TestSlowNames: while no nameserver answers in time, the client gets the servers unsorted, and the client's own timeout applies.
func TestSlowNames(t *testing.T) {
	n := newNode(t)
	n.cfg.Prober.LookupLimit = time.Millisecond
	n.cfg.Prober.Lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.limits.mute = time.Millisecond
	s := source("vol")
	s.Servers = []string{"late", "gluster2"}
	if err := n.Stage(t.Context(), s, n.path("staging")); err != nil {
		t.Fatal(err)
	}
	if arguments := argumentsOf(t, n.known()); !strings.Contains(arguments, "--volfile-server=late\x00--volfile-server=gluster2\x00") {
		t.Errorf("the client's arguments are %q", arguments)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.order(ended, s); !errors.Is(err, mount.ErrUnavailable) {
		t.Errorf("a call that has ended: %v", err)
	}
}

func argumentsOf(t *testing.T, r record) string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(r.Process.PID) + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// serversOf returns the servers in a client's arguments.
func serversOf(t *testing.T, r record) []string {
	t.Helper()
	var servers []string
	for arg := range strings.SplitSeq(argumentsOf(t, r), "\x00") {
		if server, ok := strings.CutPrefix(arg, "--volfile-server="); ok {
			servers = append(servers, server)
		}
	}
	slices.Sort(servers) // they are in the order in which they answered
	return servers
}
