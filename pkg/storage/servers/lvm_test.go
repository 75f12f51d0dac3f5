package servers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
)

func report(group, size, free string) string {
	return `{"report": [{"pv": [{"pv_name":"/dev/sdb", "pv_uuid":"u", "vg_name":"` + group + `", "pv_size":"` + size + `", "pv_free":"` + free + `"}]}]}`
}

func TestReadReport(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	pv := func(group string, empty bool) []PhysicalVolume {
		return []PhysicalVolume{{"/dev/sdb", "u", group, empty}}
	}
	for out, want := range map[string][]PhysicalVolume{
		report("vg_"+id, "100.00k", "100.00k"):                           pv(GroupOf(id), true),
		report("vg_"+id, "100.00k", "90.00k"):                            pv(GroupOf(id), false),
		report("data", "100.00k", "100.00k"):                             pv("data", true),
		report("", "100.00k", "100.00k"):                                 pv("", true),
		report("vg_"+id, "", ""):                                         pv(GroupOf(id), false),
		strings.Replace(report("vg_"+id, "1k", "1k"), "pv_free", "x", 1): pv(GroupOf(id), false),
		`{"report": [{"pv": []}]}`:                                       nil,
	} {
		got, err := readReport([]byte(out))
		if err != nil || !slices.Equal(got, want) || len(got) == 1 && got[0].IsHeketis() != (got[0].Group == GroupOf(id)) {
			t.Errorf("%s: %+v, %v", out, got, err)
		}
	}
	for _, out := range []string{"WARNING: no", `{"report": []}`} {
		if got, err := readReport([]byte(out)); err == nil {
			t.Errorf("%s: %+v", out, got)
		}
	}
}

// answers is a server that answers every command alike.
type answers struct {
	out string
	err error
}

func (a answers) Run(context.Context, string, string, ...string) ([]byte, error) {
	return []byte(a.out), a.err
}

func TestPhysicalVolume(t *testing.T) {
	pods := Pods{"n1": "gluster-n1"}
	for name, tt := range map[string]struct {
		node   string
		answer answers
		want   string
	}{
		"nothing there": {"n1", answers{err: &podexec.ExitError{Command: "lvm", Code: 5, Stderr: `Failed to find physical volume "/dev/sdb".`}}, "ask LVM what is on /dev/sdb: lvm ended with code 5: Failed to find"},
		"two":           {"n1", answers{out: `{"report": [{"pv": [{}, {}]}]}`}, "LVM's report is not about one device"},
		"no pod":        {"n2", answers{}, "there is no gluster pod on node n2"},
	} {
		if _, err := pods.PhysicalVolume(t.Context(), tt.answer, tt.node, "/dev/sdb"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pods.PhysicalVolumes(t.Context(), answers{err: errors.New("timeout")}, "n1"); err == nil || err.Error() != "ask LVM for the physical volumes of node n1: timeout" {
		t.Errorf("%v", err)
	}
	if got, err := pods.PhysicalVolumes(t.Context(), answers{out: report("", "1k", "1k")}, "n1"); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// hanging is a server whose commands never end.
type hanging struct{}

func (hanging) Run(ctx context.Context, _, _ string, _ ...string) ([]byte, error) {
	<-ctx.Done()
	return nil, errors.New("the connection was closed")
}

// TestHangingDisk: LVM reads all devices, and never answers if one of them hangs.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Pods{"n1": "gluster-n1"}.PhysicalVolumes(t.Context(), hanging{}, "n1")
		if err == nil || !strings.Contains(err.Error(), "LVM has not answered for 2m0s; does a disk of node n1 hang?") {
			t.Error(err)
		}
	})
}

// byPod holds the answers of each pod.
type byPod map[string]answers

func (s byPod) Run(ctx context.Context, pod, container string, command ...string) ([]byte, error) {
	return s[pod].Run(ctx, pod, container, command...)
}

func TestHaving(t *testing.T) {
	pods := Pods{"n1": "a", "n2": "b", "n3": "c"}
	down := answers{err: errors.New("down")}
	for name, tt := range map[string]struct {
		servers byPod
		pod     string
		says    string
	}{
		"the second":   {byPod{"a": {out: "other\n"}, "b": {out: "other\nvol\n"}, "c": {out: "vol\n"}}, "b", ""},
		"one is down":  {byPod{"a": down, "b": {}, "c": {out: "vol\n"}}, "c", ""},
		"none has it":  {byPod{"a": {}, "b": {out: "volume\n"}, "c": {}}, "", "no server has the volume vol"},
		"all are down": {byPod{"a": down, "b": down, "c": down}, "", "ask gluster in pod a for its volumes: down"},
	} {
		pod, err := pods.Having(t.Context(), tt.servers, "vol")
		if pod != tt.pod || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %q, %v", name, pod, err)
		}
	}
}

func TestVolumes(t *testing.T) {
	pods := Pods{"n1": "gluster-n1", "n2": "gluster-n2"}
	if got, err := pods.Volumes(t.Context(), answers{out: "b\na\n"}); err != nil || strings.Join(got, " ") != "a b" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := pods.Volumes(t.Context(), answers{err: errors.New("down")}); err == nil || !strings.Contains(err.Error(), "ask gluster on node n2 for its volumes: down") {
		t.Errorf("%v", err)
	}
}
