package chart

import (
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// The driver can read the configuration that the chart makes from the backends, with all files at the volume's paths.
func TestDriverReadsItsConfiguration(t *testing.T) {
	for _, r := range renderings() {
		if r.name == "static" {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			list := objects(t, r.render(t))
			dir := t.TempDir()
			for _, source := range projected(t, only(t, list, "StatefulSet", "glusterfs-csi-controller")) {
				for name, content := range filesOf(t, list, source) {
					write(t, filepath.Join(dir, name), strings.ReplaceAll(content, "/etc/glusterfs-csi/", dir+"/"))
				}
			}
			config, err := heketi.LoadConfig(filepath.Join(dir, "config.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if clusters := config.Backends[0].Clusters; (r.name == "everything") != (len(clusters) == 1) {
				t.Errorf("clusters %v", clusters)
			}
			if r.name == "placement" {
				first, second := config.Backends[0], config.Backends[1]
				if first.Name != "production" || first.URL != "https://heketi.example.org:8443" || first.MaxInFlight != 4 || first.CAFile == "" || first.KeyFile == "" {
					t.Errorf("%+v", first)
				}
				if second.Name != "archive.eu" || second.CAFile != "" || second.KeyFile != "" ||
					second.Adopt == nil || *second.Adopt || second.VolumeNamePrefix != "cluster-a" || first.Adopt != nil || first.VolumeNamePrefix != "" {
					t.Errorf("%+v", second)
				}
			}
		})
	}
}

// projected returns the sources of the driver's configuration.
func projected(t *testing.T, controller *unstructured.Unstructured) []map[string]any {
	t.Helper()
	for _, volume := range dig(t, controller.Object, "spec", "template", "spec", "volumes").([]any) {
		sources, found, _ := unstructured.NestedSlice(volume.(map[string]any), "projected", "sources")
		if !found {
			continue
		}
		list := make([]map[string]any, 0, len(sources))
		for _, source := range sources {
			list = append(list, source.(map[string]any))
		}
		return list
	}
	t.Fatal("the controller has no projected volume")
	return nil
}

// filesOf returns the files that the kubelet makes from a source, by their names. For a Secret that is not the chart's own, each
// requested file contains "key".
func filesOf(t *testing.T, list []*unstructured.Unstructured, source map[string]any) map[string]string {
	t.Helper()
	files := map[string]string{}
	if name, found, _ := unstructured.NestedString(source, "configMap", "name"); found {
		for file, content := range dig(t, only(t, list, "ConfigMap", name).Object, "data").(map[string]any) {
			files[file] = content.(string)
		}
		return files
	}
	items, found, _ := unstructured.NestedSlice(source, "secret", "items")
	for _, item := range items {
		files[item.(map[string]any)["path"].(string)] = "key"
	}
	if !found {
		name := dig(t, source, "secret", "name").(string)
		for file := range dig(t, only(t, list, "Secret", name).Object, "data").(map[string]any) {
			files[file] = "key"
		}
	}
	return files
}
