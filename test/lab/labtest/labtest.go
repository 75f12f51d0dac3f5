// Package labtest gives tests of other packages a lab.MockHeketi that ends with the test, and a provisioner on it.
package labtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// MockHeketi starts a Heketi for one test.
func MockHeketi(t *testing.T) *lab.MockHeketi {
	t.Helper()
	h, err := lab.StartMockHeketi(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// CLI runs heketi-cli and returns its output.
func CLI(t *testing.T, h lab.HeketiCLI, args ...string) string {
	t.Helper()
	out, err := h.CLI(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// KeyFile returns a file with the administrator's key.
func KeyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(lab.HeketiKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Provisioner returns a new provisioner, without the state of an earlier one.
func Provisioner(t *testing.T, url string) *provisioner.Provisioner {
	t.Helper()
	config := heketi.Config{Backends: []heketi.BackendConfig{{Name: "mock", URL: url, User: lab.HeketiUser, KeyFile: KeyFile(t)}}}
	backends, err := heketi.NewBackends(config, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	p := provisioner.New(backends)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
		backends.Close()
	})
	return p
}
