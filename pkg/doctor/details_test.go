package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// TestClockAtItsLimits: clocks are compared in whole seconds.
func TestClockAtItsLimits(t *testing.T) {
	p := &backendCheck{}
	for _, tt := range []struct {
		ahead    time.Duration
		severity report.Severity
		says     string
	}{
		{0, report.OK, "agrees"},
		{2 * time.Second, report.OK, "agrees"},
		{3 * time.Second, report.OK, "is 3s ahead of"},
		{-2 * time.Second, report.OK, "agrees"},
		{-3 * time.Second, report.OK, "is 3s behind"},
		{farthestAhead/2 - time.Second, report.OK, "ahead of"},
		{farthestAhead / 2, report.Warning, "ahead of"},
		{farthestAhead - time.Second, report.Warning, "ahead of"},
		{farthestAhead, report.Critical, "ahead of"},
		{-farthestBehind/2 + time.Second, report.OK, "behind"},
		{-farthestBehind / 2, report.Warning, "behind"},
		{-farthestBehind, report.Critical, "behind"},
	} {
		f := p.clock(heketi.Greeting{Timed: true, Ahead: tt.ahead})
		if f.Severity != tt.severity || !strings.Contains(f.Message, tt.says) {
			t.Errorf("%v: %+v", tt.ahead, f)
		}
	}
	if f := p.clock(heketi.Greeting{}); f.Severity != report.Info {
		t.Errorf("unknown: %+v", f)
	}
}

// TestSharedIsSaidOnce: two backends get one finding, however many clusters their Heketi has.
func TestSharedIsSaidOnce(t *testing.T) {
	got := shared(map[string][]string{"c1": {"b", "a"}, "c2": {"a", "b"}, "c3": {"a"}, "c4": {"a", "c"}})
	subjects := make([]string, 0, len(got))
	for _, f := range got {
		subjects = append(subjects, f.Subject)
	}
	if want := []string{"backends a, b", "backends a, c"}; !slices.Equal(subjects, want) {
		t.Errorf("%q, want %q", subjects, want)
	}
}

func TestNamed(t *testing.T) {
	things := []string{"a", "b", "c", "d", "e", "f", "g"}
	for n, want := range map[int]string{0: "", 1: "a", 5: "a; b; c; d; e", 6: "a; b; c; d; e; and 1 more", 7: "a; b; c; d; e; and 2 more"} {
		if got := named(things[:n], "; "); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestReadLoosely: only small regular files with YAML are read.
func TestReadLoosely(t *testing.T) {
	dir := t.TempDir()
	const text = "backends: [{name: a, url: 'http://h'}]\n"
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		write("good", text): 1,
		write("largest", text+"#"+strings.Repeat("x", 1<<20-len(text)-1)): 1,
		write("too large", text+"#"+strings.Repeat("x", 1<<20-len(text))): 0,
		write("half", text+"- ["): 0,
		write("of another kind", "backends: [{name: a, url: 'http://h'}, {name: [1]}]"): 2, // the first entry is valid
		filepath.Join(dir, "no"): 0,
		dir:                      0,
		pipe:                     0, // no process writes to it
	} {
		if got := readLoosely(path); len(got.Backends) != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// TestRecords: other files beside the records are ignored, and a record that has just disappeared is no error.
func TestRecords(t *testing.T) {
	n := goodNode(t)
	if err := os.Remove(filepath.Join(n.StateDir, "ending")); err != nil { // the directory is of an older version
		t.Fatal(err)
	}
	for _, f := range n.records(t.Context(), checker{prober: *prober()}) {
		if f.Severity != report.OK || strings.Contains(f.Message, "boot") || strings.Contains(f.Message, "asked to end") {
			t.Errorf("%+v", f)
		}
	}
}

// TestRecordsOfThisBoot: records of this boot are not counted as those of an earlier boot.
func TestRecordsOfThisBoot(t *testing.T) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	now := strings.TrimSpace(string(raw))
	for _, tt := range []struct {
		volumes, ending []string
		says            []string
	}{
		{nil, nil, []string{"0 volumes recorded"}},
		{[]string{now, now}, nil, []string{"2 volumes recorded"}},
		{[]string{now, "x"}, []string{"y"}, []string{"2 records of an earlier boot", "1 volume recorded"}},
		{nil, []string{now}, []string{"1 client asked to end", "0 volumes recorded"}},
	} {
		records := func(boots []string) (list []fuseclient.Recorded) {
			for _, boot := range boots {
				list = append(list, fuseclient.Recorded{BootID: boot})
			}
			return list
		}
		found := recordFindings("s", records(tt.volumes), records(tt.ending))
		if len(found) != len(tt.says) {
			t.Errorf("%v, %v: %+v", tt.volumes, tt.ending, found)
			continue
		}
		for i, says := range tt.says {
			if !strings.Contains(found[i].Message, says) {
				t.Errorf("%v, %v: %+v does not say %q", tt.volumes, tt.ending, found[i], says)
			}
			if ending := strings.Contains(says, "asked to end"); ending != strings.Contains(found[i].Remedy, "again every minute") {
				t.Errorf("%q has the remedy %q", says, found[i].Remedy)
			}
		}
	}
}

// TestCoveredMounts: covered mounts are not tested, because their path leads to the mount on top.
func TestCoveredMounts(t *testing.T) {
	dir := t.TempDir()
	client := fuseMount(t, dir)
	if err := unix.Close(client); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir, 0) }()
	if found := (&Node{}).mounts(t.Context(), checker{limit: time.Second}); len(found) != 1 || found[0].Severity != report.OK || !strings.HasPrefix(found[0].Message, "0 GlusterFS clients") {
		t.Errorf("%+v", found)
	}
}

func TestReason(t *testing.T) {
	if got := reason(&mount.UnreachableError{Servers: []string{"a"}, Reasons: []string{"connection refused"}}); got != "connection refused" {
		t.Errorf("%q", got)
	}
	if got := reason(errors.New("something else")); got != "something else" {
		t.Errorf("%q", got)
	}
}

// TestKeys: the checks continue only if the backend accepts the configured key.
func TestKeys(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, nil)
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	addCluster(t, path, id(0xbad))
	found := find(Run(t.Context(), Config{ConfigFile: path, Prober: prober()}), "heketi-database")
	if len(found) != 1 || len(found[0].Commands) != 1 || !strings.HasSuffix(found[0].Commands[0], "cluster list") {
		t.Errorf("another database: %+v", found)
	}
	// A server without authentication accepts every request. If it refuses one, a missing key is not the reason.
	server.Inject(heketitest.Fault{Prefix: "GET /clusters", Status: 503, Body: "Service disabled for maintenance"})
	path = configFile(t, "", one(server.URL))
	found = find(Run(t.Context(), Config{ConfigFile: path, Prober: prober()}), "heketi-key")
	if len(found) != 1 || found[0].Severity != report.Critical || strings.Contains(found[0].Message, "requires a key") {
		t.Errorf("maintenance: %+v", found)
	}
	server = heketitest.New(t, heketitest.NewCluster())
	server.Inject(heketitest.Fault{Prefix: "GET /clusters", Status: 200, Body: `{"clusters": ["` + id(1) + `"]}`})
	newSite().serve(t, server, nil)
	findings := Run(t.Context(), Config{ConfigFile: configFile(t, "", one(server.URL)), Prober: prober()})
	if found := find(findings, "heketi-key"); len(found) != 1 || found[0].Severity != report.Info || len(find(findings, "cluster-capacity")) != 1 {
		t.Errorf("without authentication the examination goes on: %+v", findings)
	}
}

// TestDevicesOfOtherClusters: devices of other clusters do not count.
func TestDevicesOfOtherClusters(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	s := newSite()
	s.node(id(0xb1), "10.0.1.1", "online")
	s.device(id(0xe1), id(0xb1), "online", 50<<20)
	s.cluster(id(2), true, id(0xb1))
	s.serve(t, server, nil)
	var messages strings.Builder
	for _, f := range find(Run(t.Context(), Config{ConfigFile: configFile(t, heketitest.DefaultKey, one(server.URL)), Prober: prober()}), "cluster-capacity") {
		messages.WriteString(f.Message + "\n")
	}
	all := messages.String()
	for _, want := range []string{"3 nodes, 3 of 3 devices usable, 300 GiB", "1 node, 1 of 1 device usable, 50 GiB"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
}
