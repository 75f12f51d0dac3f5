package heketi

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2/ktesting"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	clusterA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	clusterB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	clusterC = "cccccccccccccccccccccccccccccccc"
)

func TestRecognise(t *testing.T) {
	for _, tt := range []struct {
		name       string
		configured []string
		present    []string
		says       string // "": accepted
	}{
		{"nothing is configured", nil, nil, ""},
		{"the same", []string{clusterA, clusterB}, []string{clusterB, clusterA}, ""},
		{"more than configured", []string{clusterA}, []string{clusterB, clusterA}, ""},
		{"another", []string{clusterA}, []string{clusterC, clusterB}, "cluster " + clusterA + ", which the driver's configuration names in the backend's clusters; it has only " + clusterB + ", " + clusterC},
		{"one is missing", []string{clusterA, clusterB}, []string{clusterA}, "cluster " + clusterB + ","},
		{"none at all", []string{clusterA, clusterB}, nil, "cluster " + clusterA + ", " + clusterB + ", which the driver's configuration names in the backend's clusters; it has no cluster at all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &Backend{config: BackendConfig{Name: "main", URL: "http://heketi:8080", Clusters: tt.configured}}
			err := b.recognise(tt.present)
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, volume.ErrUnavailable) {
				t.Fatalf("%v, want ErrUnavailable", err)
			}
			for _, part := range []string{tt.says, `backend "main" (http://heketi:8080)`, hintOtherDatabase} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// TestReloadClusters: the clusters that identify the database may be changed while the driver runs.
func TestReloadClusters(t *testing.T) {
	const entry = "backends:\n- name: a\n  url: http://h\n"
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write(entry + "  clusters: [" + clusterA + "]\n")
	backends, err := OpenBackends(ktesting.NewLogger(t, ktesting.NewConfig()), file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	first := backends.All()[0]
	file.write("# the same again\n" + entry + "  clusters: [" + clusterA + "]\n")
	if backends.All()[0] != first {
		t.Error("a backend whose clusters are unchanged was replaced")
	}
	file.write(entry + "  clusters: [" + clusterB + "]\n")
	if err := backends.All()[0].recognise([]string{clusterB}); err != nil {
		t.Errorf("changed: %v", err)
	}
}
