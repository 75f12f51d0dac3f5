package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/probe"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestProbe: the command succeeds if Heketi answers. No process of this machine has the database open.
func TestProbe(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	args := []string{"probe", "--heketi-url=" + server.URL, "--database=" + filepath.Join(t.TempDir(), "heketi.db")}
	if code, output := runCommand(t, args...); code != 0 {
		t.Errorf("code %d: %s", code, output)
	}
	status = http.StatusInternalServerError
	if code, output := runCommand(t, args...); code != 1 || !strings.Contains(output, "/hello: 500 Internal Server Error") {
		t.Errorf("code %d: %s", code, output)
	}
}

// TestProbeOfHeketi: a real Heketi has its database open as the probe expects it, even when it serves its database read-only.
func TestProbeOfHeketi(t *testing.T) {
	mock := labtest.MockHeketi(t)
	path := filepath.Join(t.TempDir(), "heketi.db")
	run := func() error {
		t.Helper()
		url, pid := startHeketi(t, mock, path)
		return probe.Probe{URL: url, Database: path, Process: fmt.Sprintf("/proc/%d", pid), Limit: time.Minute}.Run(t.Context())
	}
	if err := run(); err != nil {
		t.Error(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "heketi.db") // the first one is locked
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mock.Reconfigure(t.Context(), map[string]any{"db_read_only": true}); err != nil {
		t.Fatal(err)
	}
	if err := run(); err == nil || !strings.Contains(err.Error(), "only for reading") {
		t.Errorf("read-only: %v", err)
	}
}
