package servers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
)

func report(group, size, free string) string {
	return `{"report": [{"pv": [{"pv_name":"/dev/sdb", "vg_name":"` + group + `", "pv_size":"` + size + `", "pv_free":"` + free + `"}]}]}`
}

func TestReadReport(t *testing.T) {
	const group = "vg_0123456789abcdef0123456789abcdef"
	for out, want := range map[string]PhysicalVolume{
		report(group, "100.00k", "100.00k"):                           {group, true},
		report(group, "100.00k", "90.00k"):                            {group, false},
		report("data", "100.00k", "100.00k"):                          {"data", true},
		report("", "100.00k", "100.00k"):                              {"", true},
		report(group, "", ""):                                         {group, false},
		strings.Replace(report(group, "1k", "1k"), "pv_free", "x", 1): {group, false},
	} {
		got, err := readReport([]byte(out))
		if err != nil || got != want || got.IsHeketis() != (want.Group == group) {
			t.Errorf("%s: %+v, %v", out, got, err)
		}
	}
	for _, out := range []string{"WARNING: no", `{"report": []}`, `{"report": [{"pv": [{}, {}]}]}`} {
		if got, err := readReport([]byte(out)); err == nil {
			t.Errorf("%s: %+v", out, got)
		}
	}
}

// answers is a server whose commands all end alike.
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
		node string
		err  error
		want string
	}{
		"nothing there": {"n1", &podexec.ExitError{Code: 5, Stderr: `Failed to find physical volume "/dev/sdb".`}, ErrNoPhysicalVolume.Error()},
		"no answer":     {"n1", errors.New("timeout"), "ask LVM what is on /dev/sdb: timeout"},
		"no pod":        {"n2", nil, "there is no gluster pod on node n2"},
	} {
		if _, err := pods.PhysicalVolume(t.Context(), answers{err: tt.err}, tt.node, "/dev/sdb"); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
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
