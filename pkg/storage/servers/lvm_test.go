package servers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

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

func TestVolumes(t *testing.T) {
	pods := Pods{"n1": "gluster-n1", "n2": "gluster-n2"}
	if got, err := pods.Volumes(t.Context(), answers{out: "b\na\n"}); err != nil || strings.Join(got, " ") != "a b" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := pods.Volumes(t.Context(), answers{err: errors.New("down")}); err == nil || !strings.Contains(err.Error(), "ask gluster on node n2 for its volumes: down") {
		t.Errorf("%v", err)
	}
}
