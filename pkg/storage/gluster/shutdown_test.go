package gluster

import (
	"context"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/logfiles"
)

var (
	obedient = []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	stubborn = []syscall.Signal{syscall.SIGKILL}
)

// TestOrderOfTheEnd: glusterd ends first, then bricks and self-heal daemons; mounts are unmounted last.
func TestOrderOfTheEnd(t *testing.T) {
	d := newDisks(t, "a")
	config := Config{HealthAddress: "127.0.0.1:0", Fstab: d.fstab, RunDir: d.dir + "/run", Logs: logfiles.Keeper{Dir: t.TempDir(), Limits: logfiles.DefaultLimits()}}
	n := newNode(config, defaultLimits(), d.runner, d.list)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.run(ctx) }()
	waitFor(t, "glusterd", func() bool { return n.glusterd.running() == nil })
	d.runner.adopt(&fakeChild{name: "glusterfsd", obeys: obedient}, &fakeChild{name: "glusterfs", obeys: obedient})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := []string{
		"mount -t xfs -o rw,inode64,noatime,nouuid --source " + d.dir + "/dev/a --target " + d.point("a"),
		"start glusterd", "terminated glusterd", "terminated glusterfsd", "terminated glusterfs", "umount " + d.point("a"),
	}
	if diff := cmp.Diff(want, d.runner.taken()); diff != "" {
		t.Error(diff)
	}
	if err := n.readiness.probe(t.Context()); err == nil || !strings.Contains(err.Error(), "being stopped") {
		t.Error(err)
	}
}

func TestPortThatIsTaken(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f := newFakeRunner()
	n := newNode(Config{HealthAddress: taken.Addr().String(), RunDir: t.TempDir()}, defaultLimits(), f, nil)
	if err := n.run(t.Context()); err == nil || !strings.Contains(err.Error(), "--health-port") || len(f.taken()) > 0 {
		t.Error(err)
	}
}

// TestEndChildren: each child gets each signal once, including children that appear when their parents end. A child that cannot
// be killed is left behind.
func TestEndChildren(t *testing.T) {
	for _, tc := range []struct {
		name     string
		children []*fakeChild
		want     []string
		takes    time.Duration
	}{
		{"none", nil, nil, 0},
		{"all obey", []*fakeChild{{name: "brick", obeys: obedient}, {name: "shd", obeys: obedient}}, []string{"terminated brick", "terminated shd"}, childrenTick},
		{"a child is left", []*fakeChild{{name: "hook", obeys: obedient, left: &fakeChild{name: "orphan", obeys: obedient}}},
			[]string{"terminated hook", "terminated orphan"}, 2 * childrenTick},
		{"one is killed", []*fakeChild{{name: "brick", obeys: obedient}, {name: "shd", obeys: stubborn}}, []string{"terminated brick", "terminated shd", "killed shd"}, 20*time.Second + childrenTick},
		{"one remains", []*fakeChild{{name: "brick"}}, []string{"terminated brick", "killed brick"}, 25 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, log := logged(t)
				f := newFakeRunner()
				f.adopt(tc.children...)
				n := newNode(Config{}, defaultLimits(), f, nil)
				begun := time.Now()
				n.endChildren(ctx)
				if took := time.Since(begun); took != tc.takes {
					t.Errorf("took %s, want %s", took, tc.takes)
				}
				if diff := cmp.Diff(tc.want, f.taken()); diff != "" {
					t.Error(diff)
				}
				if told := strings.Contains(log(), "A process has not ended"); told != slices.ContainsFunc(tc.want, func(s string) bool { return strings.HasPrefix(s, "killed") }) {
					t.Error(log())
				}
			})
		})
	}
}

// TestLongestEnd: even if every step hangs, the node ends within the kubelet's grace period of 60 seconds.
func TestLongestEnd(t *testing.T) {
	l := defaultLimits()
	if sum := l.glusterdEnd + l.killed + l.bricksEnd + l.killed + l.unmount; sum > 55*time.Second {
		t.Errorf("%s", sum)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}
