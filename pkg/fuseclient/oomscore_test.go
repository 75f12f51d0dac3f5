package fuseclient

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

// TestOOMScoreOfClients: a client does not inherit the node plugin's protection, but anything else.
func TestOOMScoreOfClients(t *testing.T) {
	const own = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(own, before, 0) })
	for _, tt := range []struct{ score, want string }{{"300", "300"}, {"-500", "0"}} {
		err := os.WriteFile(own, []byte(tt.score), 0)
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("without CAP_SYS_RESOURCE, this process cannot have the score of a node plugin")
		}
		if err != nil {
			t.Fatal(err)
		}
		r := newNode(t).stage()
		got, err := os.ReadFile(r.Process.procPath("oom_score_adj"))
		if err != nil || strings.TrimSpace(string(got)) != tt.want {
			t.Errorf("of a node plugin with %s, the client has %q, %v; want %s", tt.score, got, err, tt.want)
		}
	}
}

// TestOOMScoreOfAdoptedClients: a client that an earlier version of the driver started loses its protection, too.
func TestOOMScoreOfAdoptedClients(t *testing.T) {
	for former, want := range map[string]string{"-997\n": "0", "-1\n": "0", "0\n": "0\n", "999\n": "999\n"} {
		n := newNode(t)
		score := n.path("score") // stands for the client's: only with CAP_SYS_RESOURCE could a test lower that
		if err := os.WriteFile(score, []byte(former), 0o600); err != nil {
			t.Fatal(err)
		}
		r := n.stage()
		if err := unix.Mount(score, r.Process.procPath("oom_score_adj"), "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		n.upkeep(t.Context())
		if got, err := os.ReadFile(score); err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v; want %q", former, got, err, want)
		}
	}
}

// TestOOMScoreThatCannotBeRaised: the reason is logged, except for a client that has ended.
func TestOOMScoreThatCannotBeRaised(t *testing.T) {
	n := newNode(t)
	score := n.path("score")
	if err := os.WriteFile(score, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := n.stage()
	log := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	ctx := klog.NewContext(t.Context(), log)
	raiseOOMScore(ctx, process{PID: 1 << 22}) // no process has this number
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); text != "" {
		t.Errorf("of a client that has ended: %s", text)
	}
	if err := unix.Mount(score, r.Process.procPath("oom_score_adj"), "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	raiseOOMScore(ctx, r.Process)
	if text := log.GetSink().(ktesting.Underlier).GetBuffer().String(); !strings.Contains(text, "OOM killer") || !strings.Contains(text, "parsing") {
		t.Errorf("logged: %s", text)
	}
}
