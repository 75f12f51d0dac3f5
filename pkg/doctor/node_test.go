package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// script makes a program that prints a text.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "glusterfs")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+text+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// goodNode is a node where all is well, whatever the machine is that runs the tests.
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
		{"kernel", func(*Node) {}, "node-kernel", report.OK, "has what mounting needs"},
		{"old kernel", func(n *Node) { n.CheckKernel = func() error { return errors.New("mount_setattr: ENOSYS") } }, "node-kernel", report.Critical, "ENOSYS"},
		{"FUSE", func(*Node) {}, "node-fuse", report.OK, "can be opened"},
		{"no FUSE", func(n *Node) { n.FuseDevice = "/missing/fuse" }, "node-fuse", report.Critical, "/missing/fuse"},
		{"client", func(*Node) {}, "node-client", report.OK, "11.1"},
		{"old client", func(n *Node) { n.Glusterfs = script(t, "glusterfs 3.12.2") }, "node-client", report.Warning, "3.12.2"},
		{"another program", func(n *Node) { n.Glusterfs = script(t, "hello") }, "node-client", report.Warning, "version"},
		{"no client", func(n *Node) { n.Glusterfs = "/missing/glusterfs" }, "node-client", report.Critical, "/missing/glusterfs"},
		{"never ran", func(n *Node) { n.StateDir = "/missing/state" }, "node-leftovers", report.Info, "not there"},
		{"volumes", func(n *Node) { writeRecord(t, n, "volumes/a.json", record(string(boot))) }, "node-leftovers", report.OK, "1 volume recorded"},
		{"half a record", func(n *Node) { writeRecord(t, n, "volumes/a.json", "{") }, "node-leftovers", report.Warning, "a.json"},
		{"earlier boot", func(n *Node) { writeRecord(t, n, "volumes/a.json", record("another")) }, "node-leftovers", report.Info, "1 record of an earlier boot"},
		{"ending", func(n *Node) { writeRecord(t, n, "ending/a.json", record(string(boot))) }, "node-leftovers", report.Info, "1 client told to end"},
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
