package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestMigrateKilled kills apply and rollback at one of their requests to the API server, before or after the server has carried
// it out. The same command, run again, must complete the work: no claim stays Lost, and all files are there.
func TestMigrateKilled(t *testing.T) {
	const runs = 20
	theDriver(t)
	m := newMigration(t, "killed", 5, 5)
	m.plan()
	proxy := newAPIProxy(t)
	before, killed := m.volumes(), 0
	sources := map[string]string{"apply": "csi", "rollback": "glusterfs"}
	requests := map[string]int{}
	for _, what := range []string{"apply", "rollback"} {
		proxy.reset(0, false, nil)
		if out, err := m.run(proxy.kubeconfig, what, m.only(m.all)...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		requests[what] = proxy.count()
		m.areOf(m.all, sources[what])
	}
	for run := range runs {
		what := []string{"apply", "rollback"}[run%2]
		ctx, cancel := context.WithCancel(t.Context())
		cmd := m.command(ctx, proxy.kubeconfig, what, m.only(m.all)...)
		cutAt := 2 + run*(requests[what]-2)/runs
		proxy.reset(cutAt, run%4 < 2, func() { _ = lab.Signal(cmd, syscall.SIGKILL) })
		out, err := cmd.CombinedOutput()
		cancel()
		switch status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); {
		case is && status.Signaled() && status.Signal() == syscall.SIGKILL: // nsenter ends in the same way as the command
			killed++
		case err != nil:
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		proxy.reset(0, false, nil)
		again, err := m.run(proxy.kubeconfig, what, m.only(m.all)...)
		if err != nil {
			t.Fatalf("%s after it was killed at request %d: %v\n%s\nthe killed run:\n%s", what, cutAt, err, again, out)
		}
		m.areOf(m.all, sources[what])
		if now := m.volumes(); !slices.Equal(now, before) {
			t.Fatalf("the volumes are %q, and were %q", now, before)
		}
	}
	if killed < runs*3/4 {
		t.Errorf("only %d of %d runs were killed", killed, runs)
	}
	t.Logf("%d of %d runs were killed; whole runs make %v requests", killed, runs, requests)
	if _, err := m.run(m.kubeconfig, "apply", m.only(m.all)...); err != nil {
		t.Fatal(err)
	}
	m.read(m.all)
}

// command prepares glusterfs-csi migrate with the plan.
func (m *migration) command(ctx context.Context, kubeconfig, what string, args ...string) *exec.Cmd {
	args = append([]string{"migrate", what, "--plan=" + m.file, "--kubeconfig=" + kubeconfig}, args...)
	if what == "apply" {
		args = append(args, "--config="+m.config, "--volume-info="+m.info)
	}
	return cluster.Command(ctx, filepath.Join(buildDir(), "bin", "glusterfs-csi"), args...)
}
