package kube

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestNewClientRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	tests := []struct{ name, kubeconfig, says string }{
		{"no file", missing, missing},
		{"no kubeconfig", write(t, "hello"), "cannot"},
		{"empty", write(t, ""), "names no API server"},
		{"no pod", "", "no kubeconfig file is given"},
		{"no context", write(t, `{"kind": "Config", "apiVersion": "v1", "current-context": "c"}`), "context: c"},
	}
	for _, tt := range tests {
		t.Setenv("KUBERNETES_SERVICE_HOST", "")
		if _, err := NewClient(tt.kubeconfig); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
