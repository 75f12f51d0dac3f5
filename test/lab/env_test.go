package lab

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

func TestShellQuoteSurvivesAShell(t *testing.T) {
	for _, text := range []string{"", "plain", "two words", `it's`, `"$HOME" \ ` + "`date`", "line\nbreak", "*"} {
		out, err := exec.Command("sh", "-c", "x="+shellQuote(text)+`; printf %s "$x"`).Output()
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if string(out) != text {
			t.Errorf("quoted %q, the shell read %q", text, out)
		}
	}
}

func TestWriteEnv(t *testing.T) {
	l := &Lab{layout: machine.Layout{Dir: "/lab"}, setup: setup{Driver: "/d", Labctl: "/bin/echo", HeketiCLI: "/h"}}
	path := filepath.Join(t.TempDir(), "lab.env")
	if err := l.WriteEnv(path); err != nil {
		t.Fatal(err)
	}
	const script = `. "$1" && $NODE2_EXEC ls "a b" && echo $CONTROLLER_ENDPOINT $NODE1_ENDPOINT $NODE1_DIR`
	out, err := exec.Command("sh", "-euc", script, "sh", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	const want = "--dir /lab exec node2 -- ls a b\n" +
		"unix:///lab/csi/controller.sock unix:///lab/csi/node1.sock /lab/node1/kubelet\n"
	if string(out) != want {
		t.Errorf("the shell says %q, want %q", out, want)
	}
}

func TestWriteEnvOfALabWithoutHeketi(t *testing.T) {
	l := &Lab{layout: machine.Layout{Dir: "/lab"}, setup: setup{Labctl: "/bin/echo", Workers: true, BareStorage: true}}
	path := filepath.Join(t.TempDir(), "lab.env")
	if err := l.WriteEnv(path); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-euc", `. "$1" && $STORAGE3_EXEC ls && echo ${HEKETI_URL-none}`, "sh", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "--dir /lab exec storage3 -- ls\nnone\n"; string(out) != want {
		t.Errorf("the shell says %q, want %q", out, want)
	}
}
