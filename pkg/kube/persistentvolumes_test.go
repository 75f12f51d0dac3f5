package kube

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/kubetest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/persistentvolume"
)

func connect(t *testing.T, kubeconfig string) *Client {
	t.Helper()
	client, err := NewClient(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// The objects are as an API server of Kubernetes 1.25 writes them, without the fields that are not read.
func TestPersistentVolumes(t *testing.T) {
	server := kubetest.New(t, 1)
	server.Add(`{"metadata": {"name": "pvc-1", "uid": "u-1", "creationTimestamp": "2024-01-01T00:00:00Z", "deletionTimestamp": "2024-01-02T00:00:00Z",
			"deletionGracePeriodSeconds": 0, "finalizers": ["kubernetes.io/pv-protection"]},
		"spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteMany"], "persistentVolumeReclaimPolicy": "Delete",
			"claimRef": {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "web", "uid": "u-2", "apiVersion": "v1"},
			"csi": {"driver": "d", "volumeHandle": "a/b", "volumeAttributes": {"volume": "v", "gid": "2000"}}, "volumeMode": "Filesystem"},
		"status": {"phase": "Bound"}}`,
		`{"metadata": {"name": "old"}, "spec": {"glusterfs": {"endpoints": "e", "path": "vol_1"}}, "status": {"phase": "Available"}}`,
		`{"metadata": {"name": "nfs"}, "spec": {"nfs": {"server": "s", "path": "/"}}, "status": {}}`)
	got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context())
	want := []persistentvolume.PV{
		{Name: "pvc-1", Phase: "Bound", Claim: "default/web", Deleting: true, Driver: "d", Handle: "a/b", Context: map[string]string{"volume": "v", "gid": "2000"}},
		{Name: "old", Phase: "Available", Gluster: "vol_1"},
		{Name: "nfs"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %+v", err, got)
	}
	if server.Pages() != 3 {
		t.Errorf("%d pages", server.Pages())
	}
}

func TestMoreThanAPage(t *testing.T) {
	const many = 2*pageSize + 1
	server := kubetest.New(t, many)
	for i := range many {
		server.Add(fmt.Sprintf(`{"metadata": {"name": "pvc-%d"}}`, i))
	}
	got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context())
	if err != nil || len(got) != many || server.Pages() != 3 {
		t.Errorf("%v, %d in %d pages", err, len(got), server.Pages())
	}
}

const expired = "The provided continue parameter is too old to display a consistent list result."

// TestListExpires: objects that were listed before the list expired must not occur twice, and none may be missing.
func TestListExpires(t *testing.T) {
	server := kubetest.New(t, 1)
	server.Add(`{"metadata": {"name": "a"}}`, `{"metadata": {"name": "b"}}`)
	server.Fail(0, "", "")
	server.Fail(http.StatusGone, "Expired", expired)
	got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context())
	if err != nil || !reflect.DeepEqual(got, []persistentvolume.PV{{Name: "a"}, {Name: "b"}}) {
		t.Errorf("%v, %+v", err, got)
	}
	for range mostTries - 1 {
		server.Fail(http.StatusGone, "Expired", expired)
	}
	if got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context()); err != nil || len(got) != 2 {
		t.Errorf("the last try succeeds: %v, %+v", err, got)
	}
	for range mostTries {
		server.Fail(http.StatusGone, "Expired", expired)
	}
	if got, err := connect(t, server.Kubeconfig(t)).PersistentVolumes(t.Context()); err == nil || !strings.Contains(err.Error(), expired) {
		t.Errorf("it always expires: %v, %+v", err, got)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	tests := []struct {
		name       string
		kubeconfig func(s *kubetest.Server) string
		says       []string
	}{
		{"forbidden", func(s *kubetest.Server) string {
			s.Fail(http.StatusForbidden, "Forbidden", `persistentvolumes is forbidden: User "u" cannot list resource "persistentvolumes" in API group "" at the cluster scope`)
			return s.Kubeconfig(t)
		}, []string{`User "u" cannot list`, "must allow: list persistentvolumes", "ClusterRole"}},
		{"unauthorized", func(s *kubetest.Server) string { return s.KubeconfigWithToken(t, "old") },
			[]string{"https://127.0.0.1", "does not accept the credentials", "expired"}},
		{"forbidden on the second page", func(s *kubetest.Server) string {
			s.Fail(0, "", "")
			s.Fail(http.StatusForbidden, "Forbidden", `User "u" cannot list any more`)
			return s.Kubeconfig(t)
		}, []string{"any more", "must allow: list"}},
		{"no server", func(s *kubetest.Server) string { s.Close(); return s.Kubeconfig(t) },
			[]string{"https://127.0.0.1", "cannot be reached", "connection refused", "is it running"}},
		{"another's certificate", func(s *kubetest.Server) string {
			kubeconfig := s.Kubeconfig(t)
			raw, err := os.ReadFile(kubeconfig)
			if err != nil {
				t.Fatal(err)
			}
			return write(t, strings.Replace(string(raw), `, "certificate-authority": "ca.crt"`, "", 1))
		}, []string{"cannot be reached", "certificate"}},
		{"broken", func(s *kubetest.Server) string {
			s.Fail(http.StatusInternalServerError, "InternalError", "etcd has no leader")
			return s.Kubeconfig(t)
		}, []string{"https://127.0.0.1", "etcd has no leader"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := kubetest.New(t, 1)
			server.Add(`{"metadata": {"name": "a"}}`, `{"metadata": {"name": "b"}}`)
			got, err := connect(t, tt.kubeconfig(server)).PersistentVolumes(t.Context())
			if err == nil || got != nil {
				t.Fatalf("%v, %+v", err, got)
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("no %q in %q", part, err)
				}
			}
		})
	}
}

// TestAnswerThatIsNoList: taken for an empty list, the answer would make all volumes orphans.
func TestAnswerThatIsNoList(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind": "Greeting", "apiVersion": "v1", "metadata": {}}`))
	}))
	t.Cleanup(server.Close)
	if got, err := connect(t, kubeconfigFor(t, server.URL)).PersistentVolumes(t.Context()); err == nil || !strings.Contains(err.Error(), `"Greeting"`) {
		t.Errorf("%v, %+v", err, got)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
