package glustercli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// output opens a file of testdata. The files have the form in which gluster 10.3 prints, according to its sources.
func output(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func content(tb testing.TB, name string) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func TestReadPool(t *testing.T) {
	peers, err := ReadPool(output(t, "pool.xml"))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(peers))
	for _, p := range peers {
		line := p.Hostname + ": " + p.Condition()
		if p.InCluster() {
			line += " +"
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{
		"10.0.0.12: Peer in Cluster (Connected) +", "fd00::13: Peer in Cluster (Disconnected)", "10.0.0.14: Peer Rejected (Connected)", "localhost: Connected +",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadHealSummary(t *testing.T) {
	got, err := ReadHealSummary(output(t, "heal.xml"))
	if err != nil {
		t.Fatal(err)
	}
	want := HealSummary{Pending: 5, SplitBrain: 2, Unknown: []string{
		"10.0.0.12:/var/lib/heketi/mounts/vg_2/brick_2/brick", "10.0.0.13:/var/lib/heketi/mounts/vg_3/brick_3/brick",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidOutput(t *testing.T) {
	failed := `<cliOutput><opRet>-1</opRet><opErrno>107</opErrno><opErrstr>Volume v is not started</opErrstr></cliOutput>`
	pool := content(t, "pool.xml")
	for _, tc := range []struct{ name, text, says string }{
		{"nothing", "", "this is not the output of gluster pool list --xml: EOF"},
		{"text", "UUID\tHostname\tState", "this is not the output of gluster pool list --xml"},
		{"another document", "<a/>", "it has no opRet"},
		{"cut off", pool[:len(pool)/2], "this is not the output"},
		{"a failure", failed, `gluster pool list has failed: "Volume v is not started"`},
		{"no number", strings.Replace(pool, "<connected>1", "<connected>yes", 1), "this is not the output"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ReadPool(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
	if _, err := ReadHealSummary(strings.NewReader(failed)); !errors.As(err, new(*FailedError)) {
		t.Error(err)
	}
	if _, err := ReadPool(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func FuzzReadPool(f *testing.F) {
	f.Add(content(f, "pool.xml"))
	f.Fuzz(func(t *testing.T, text string) {
		peers, err := ReadPool(strings.NewReader(text))
		if err != nil && peers != nil {
			t.Errorf("%v: %+v", err, peers)
		}
	})
}

func FuzzReadHealSummary(f *testing.F) {
	f.Add(content(f, "heal.xml"))
	f.Fuzz(func(t *testing.T, text string) {
		summary, err := ReadHealSummary(strings.NewReader(text))
		if err != nil && !cmp.Equal(summary, HealSummary{}) {
			t.Errorf("%v: %+v", err, summary)
		}
	})
}
