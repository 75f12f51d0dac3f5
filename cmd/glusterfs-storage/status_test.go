package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// TestStatus: without gluster and LVM, the report lists both as failures, and the command succeeds.
func TestStatus(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{status.Command}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	var server status.Server
	if err := json.Unmarshal(stdout.Bytes(), &server); err != nil || len(server.Failures) != 3 {
		t.Errorf("%v: %s", err, stdout.String())
	}
	stdout.Reset()
	if code := run(t.Context(), []string{status.Command, status.HealFlag}, &stdout, &stderr); code != 0 {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	var heal status.Heal
	if err := json.Unmarshal(stdout.Bytes(), &heal); err != nil || heal.Failure == "" {
		t.Errorf("%v: %s", err, stdout.String())
	}
}
