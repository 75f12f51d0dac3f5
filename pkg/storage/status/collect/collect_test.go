package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// machine answers commands with output of gluster 10.3 and LVM 2.03.16. The percentages in lvs-active.json were added by hand to
// output for inactive pools, because no device-mapper was available.
type machine struct {
	t      *testing.T
	dir    string            // directory of glusterd
	fail   map[string]error  // by a part of the command
	output map[string]string // replaces the contents of a file
	hang   string            // a part of a command that never ends
	ran    []string
}

func (m *machine) Run(ctx context.Context, args ...string) ([]byte, error) {
	command := strings.Join(args, " ")
	m.ran = append(m.ran, command)
	if m.hang != "" && strings.Contains(command, m.hang) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	for part, err := range m.fail {
		if strings.Contains(command, part) {
			return nil, err
		}
	}
	for part, text := range m.output {
		if strings.Contains(command, part) {
			return []byte(text), nil
		}
	}
	const ofGluster = "../../../glustercli/testdata/"
	switch {
	case strings.Contains(command, "pool list"):
		return m.read(ofGluster + "pool.xml"), nil
	case strings.Contains(command, "info summary"):
		return m.read(ofGluster + "heal.xml"), nil
	case strings.Contains(command, "get-state"):
		return nil, os.WriteFile(filepath.Join(m.dir, args[len(args)-1]), m.read(ofGluster+"state.txt"), 0o600)
	case strings.HasPrefix(command, "lvm lvs"):
		return m.read("testdata/lvs-active.json"), nil
	}
	return nil, errors.New("unknown command " + command)
}

func (m *machine) read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		m.t.Error(err)
	}
	return data
}

func newMachine(t *testing.T) (*machine, Collector) {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), fail: map[string]error{}, output: map[string]string{}}
	return m, Collector{Runner: serial{m, make(chan struct{}, 1)}, RunDir: m.dir}
}

// serial runs one command at a time.
type serial struct {
	*machine
	turn chan struct{}
}

func (s serial) Run(ctx context.Context, args ...string) ([]byte, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.machine.Run(ctx, args...)
}

const group = "vg_0b8a9f6ad1a87f1c8a0f1d7c6a5b4e3d"

func TestServer(t *testing.T) {
	m, c := newMachine(t)
	got := c.Server(t.Context())
	if got.Self() == "" || len(got.Peers) != 4 {
		t.Errorf("%+v", got.Peers)
	}
	got.Peers = nil
	want := status.Server{
		Volumes: []glustercli.Volume{
			{Name: "vol_1", Type: "Replicate", Status: "Started", Bricks: []glustercli.Brick{{Path: "10.0.0.11:/var/lib/heketi/mounts/vg_1/brick_1/brick", Status: "Started"}}},
			{Name: "scratch", Type: "Distribute", Status: "Stopped", Bricks: []glustercli.Brick{{Path: "fd00::11:/bricks/scratch", Status: "Stopped"}}},
		},
		Pools: []status.Pool{
			{Group: group, Name: "tp_57a7e6b1f1b9bfb6a1c9e2a9dbf7d9b4", Size: 2 << 30, Promised: 2 << 30, Active: true, Data: 87.5, Metadata: 12.01},
			{Group: group, Name: "tp_8c2f6e3b0b3e47a2a0f3d9a4c1e5b7d6", Size: 1 << 30, Promised: 2 << 30, Active: true, Data: 96.44, Metadata: 81.2, Health: "out_of_data"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if left, err := os.ReadDir(m.dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v, want glusterd's file removed", left, err)
	}
	for _, command := range m.ran {
		if strings.Contains(command, "volume") {
			t.Errorf("%s takes locks, or costs the bricks something", command)
		}
	}
}

// TestPartsThatFail: a part that fails does not prevent the report of the others.
func TestPartsThatFail(t *testing.T) {
	for command, says := range map[string]string{
		"pool list": "the peers cannot be read: exit status 1: Connection failed",
		"get-state": "the volumes and bricks cannot be read: exit status 1: Connection failed",
		"lvm":       "the thin pools cannot be read: exit status 1: Connection failed",
	} {
		m, c := newMachine(t)
		m.fail[command] = errors.New("exit status 1: Connection failed")
		got := c.Server(t.Context())
		if len(got.Failures) != 1 || got.Failures[0] != says {
			t.Errorf("%s: %q", command, got.Failures)
		}
		if (len(got.Peers) == 0) != (command == "pool list") || (len(got.Volumes) == 0) != (command == "get-state") || (len(got.Pools) == 0) != (command == "lvm") {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestPools(t *testing.T) {
	inactive, err := os.ReadFile("testdata/lvs-inactive.json")
	if err != nil {
		t.Fatal(err)
	}
	pools, err := readPools(inactive)
	if err != nil || len(pools) != 2 || pools[0].Active || pools[1].Promised != 2<<30 {
		t.Errorf("%+v, %v", pools, err)
	}
	// The lab's stand-in has no pools, nor has a node without volumes.
	if pools, err := readPools([]byte(`{"report":[{"lv":[]}]}`)); err != nil || pools == nil || len(pools) != 0 {
		t.Errorf("%+v, %v", pools, err)
	}
	// The node's other groups are not Heketi's.
	if pools, err := readPools([]byte(strings.ReplaceAll(string(inactive), group, "data"))); err != nil || len(pools) != 0 {
		t.Errorf("%+v, %v", pools, err)
	}
	for text, says := range map[string]string{
		"WARNING: no":   "LVM's report is unreadable",
		`{"report":[]}`: "LVM's report is empty",
		strings.Replace(string(inactive), `"2147483648"`, `"2.00g"`, 1):                                                                       `the size "2.00g" for ` + group + "/brick_57a7",
		strings.Replace(string(inactive), `"data_percent":"", "metadata_percent":""`, `"data_percent":"x", "metadata_percent":"1.00"`, 9):     "LVM's report about the pool " + group + "/tp_57a7",
		strings.Replace(string(inactive), `"lv_size":"2147483648"`, `"lv_size":""`, 9):                                                        `the size ""`,
		strings.ReplaceAll(string(inactive), `"data_percent":"", "metadata_percent":""`, `"data_percent":"1.00", "metadata_percent":"a lot"`): "LVM's report about the pool",
	} {
		if pools, err := readPools([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v, want %q", pools, err, says)
		}
	}
}

func TestHeal(t *testing.T) {
	m, c := newMachine(t)
	got := c.Heal(t.Context())
	want := status.Heal{Volumes: []status.VolumeHeal{{Name: "vol_1", Summary: glustercli.HealSummary{Pending: 5, SplitBrain: 2, Unknown: []string{
		"10.0.0.12:/var/lib/heketi/mounts/vg_2/brick_2/brick", "10.0.0.13:/var/lib/heketi/mounts/vg_3/brick_3/brick",
	}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	m.output["info summary"] = "<cliOutput><opRet>-1</opRet><opErrstr>Volume vol_1 is not started</opErrstr></cliOutput>"
	if got := c.Heal(t.Context()); len(got.Volumes) != 1 || !strings.Contains(got.Volumes[0].Failure, "Volume vol_1 is not started") {
		t.Errorf("%+v", got)
	}
	m.fail["get-state"] = errors.New("exit status 1: Connection failed")
	if got := c.Heal(t.Context()); got.Failure != "the volumes cannot be read: exit status 1: Connection failed" {
		t.Errorf("%+v", got)
	}
}

// TestHealThatTakesTooLong: volumes without an answer in time are counted.
func TestHealThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, c := newMachine(t)
		m.hang = "info summary"
		begun := time.Now()
		if got := c.Heal(t.Context()); got.Skipped != 1 || len(got.Volumes) != 0 {
			t.Errorf("%+v", got)
		}
		if took := time.Since(begun); took != healLimit {
			t.Errorf("it took %s, want %s", took, healLimit)
		}
	})
}
