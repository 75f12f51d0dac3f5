package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// script creates a program that prints a text.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "glusterfs")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+text+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// goodNode returns a node without faults, independent of the machine that runs the tests.
func goodNode(t *testing.T) *Node {
	t.Helper()
	device := filepath.Join(t.TempDir(), "fuse")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	for _, dir := range []string{"volumes", "ending"} {
		if err := os.Mkdir(filepath.Join(state, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &Node{StateDir: state, Glusterfs: script(t, "glusterfs 11.1\nRepository"), FuseDevice: device, CheckKernel: func() error { return nil }}
}

func writeRecord(t *testing.T, n *Node, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.StateDir, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNode(t *testing.T) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	record := func(boot string) string {
		return fmt.Sprintf(`{"source": {"volumeID": "v", "servers": ["10.0.0.1", "10.0.0.2"]}, "bootID": %q}`, strings.TrimSpace(boot))
	}
	tests := []struct {
		name     string
		change   func(n *Node)
		check    string
		severity report.Severity
		says     string
	}{
		{"kernel", func(*Node) {}, "node-kernel", report.OK, "the kernel (" + strings.TrimSpace(string(kernel)) + ") has what mounting needs"},
		{"old kernel", func(n *Node) { n.CheckKernel = func() error { return errors.New("mount_setattr: ENOSYS") } }, "node-kernel", report.Critical, "ENOSYS"},
		{"FUSE", func(*Node) {}, "node-fuse", report.OK, "can be opened"},
		{"no FUSE", func(n *Node) { n.FuseDevice = "/missing/fuse" }, "node-fuse", report.Critical, "/missing/fuse"},
		{"client", func(*Node) {}, "node-client", report.OK, "11.1"},
		{"old client", func(n *Node) { n.Glusterfs = script(t, "glusterfs 3.12.2") }, "node-client", report.Warning, "3.12.2"},
		{"another program", func(n *Node) { n.Glusterfs = script(t, "hello") }, "node-client", report.Warning, "version"},
		{"no client", func(n *Node) { n.Glusterfs = "/missing/glusterfs" }, "node-client", report.Critical, "/missing/glusterfs"},
		{"never ran", func(n *Node) { n.StateDir = "/missing/state" }, "node-leftovers", report.Info, "does not exist"},
		{"volumes", func(n *Node) { writeRecord(t, n, "volumes/a.json", record(string(boot))) }, "node-leftovers", report.OK, "1 volume recorded"},
		{"half a record", func(n *Node) { writeRecord(t, n, "volumes/a.json", "{") }, "node-leftovers", report.Warning, "a.json"},
		{"earlier boot", func(n *Node) { writeRecord(t, n, "volumes/a.json", record("another")) }, "node-leftovers", report.Info, "1 record of an earlier boot"},
		{"ending", func(n *Node) { writeRecord(t, n, "ending/a.json", record(string(boot))) }, "node-leftovers", report.Info, "1 client asked to end"},
		{"servers of volumes", func(n *Node) { writeRecord(t, n, "volumes/a.json", record(string(boot))) }, "gluster-port", report.Warning, "10.0.0.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := goodNode(t)
			tt.change(n)
			findings := Run(t.Context(), Config{Node: n, Prober: prober("10.0.0.2")})
			for _, f := range find(findings, tt.check) {
				if f.Severity == tt.severity && strings.Contains(f.Message, tt.says) {
					return
				}
			}
			t.Errorf("%+v", findings)
		})
	}
}

// TestClientThatHangs: the check does not wait for a program that does not end, or that leaves a child holding its output open.
func TestClientThatHangs(t *testing.T) {
	for name, text := range map[string]string{
		"hangs":            "exec sleep 1000",
		"leaves one there": "sleep 1000 &\necho 'glusterfs 11.1'",
	} {
		n := goodNode(t)
		if err := os.WriteFile(n.Glusterfs, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if found := n.client(t.Context(), checker{limit: 100 * time.Millisecond}); len(found) != 1 || found[0].Severity != report.Critical {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestClientVersions: 10 is the oldest supported version.
func TestClientVersions(t *testing.T) {
	for version, want := range map[string]report.Severity{"9.6": report.Warning, "10.0": report.OK, "11.1": report.OK, "99999999999999999999.1": report.Warning} {
		n := goodNode(t)
		n.Glusterfs = script(t, "glusterfs "+version)
		if found := n.client(t.Context(), checker{limit: time.Minute}); len(found) != 1 || found[0].Severity != want {
			t.Errorf("%s: %+v", version, found)
		}
	}
}
