package chart

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The driver accepts the examples in deploy/ and in the documents.
func TestExamplesAreTaken(t *testing.T) {
	for _, path := range files(t, deploy+"/examples/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) { checkStorage(t, objects(t, read(t, path))) })
	}
	block := regexp.MustCompile("(?s)\n```yaml\n(.*?)```")
	for _, path := range []string{root + "/docs/kubernetes.md", chartDir + "/README.md"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, found := range block.FindAllStringSubmatch(read(t, path), -1) {
				if !strings.HasPrefix(found[1], "apiVersion:") {
					continue // values, or a part of an object
				}
				checkStrictly(t, found[1])
				checkStorage(t, objects(t, found[1]))
			}
		})
	}
}

// charts/glusterfs-storage accepts deploy/storage-values.yaml and the values in its README.
func TestExampleValuesAreTaken(t *testing.T) {
	storageTaken(t, read(t, deploy+"/storage-values.yaml"))
	for i, found := range regexp.MustCompile("(?s)\n```yaml\n(.*?)```").FindAllStringSubmatch(read(t, storageDir+"/README.md"), -1) {
		values := found[1]
		if !strings.HasPrefix(values, "nodes:") {
			values += threeNodes
		}
		values = strings.Replace(values, "…", "MII=\n        -----END CERTIFICATE-----", 1)
		t.Run(fmt.Sprintf("README.md %d", i), func(t *testing.T) { storageTaken(t, values) })
	}
}

// The driver also accepts the StorageClasses and PersistentVolumes of all renderings.
func TestClassesAreTaken(t *testing.T) {
	for _, r := range renderings() {
		checkStorage(t, objects(t, r.render(t)))
	}
}

func checkStorage(t *testing.T, list []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range list {
		switch object.GetKind() {
		case "StorageClass":
			checkClass(t, object)
		case "PersistentVolume":
			checkPV(t, object)
		}
	}
}

func checkClass(t *testing.T, class *unstructured.Unstructured) {
	t.Helper()
	parameters, _, err := unstructured.NestedStringMap(class.Object, "parameters")
	if err == nil {
		_, err = volume.ParseParameters(parameters)
	}
	if err != nil {
		t.Errorf("StorageClass %s: %v", class.GetName(), err)
	}
	checkMountOptions(t, class, "mountOptions")
}

func checkPV(t *testing.T, pv *unstructured.Unstructured) {
	t.Helper()
	attributes, _, err := unstructured.NestedStringMap(pv.Object, "spec", "csi", "volumeAttributes")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range attributes {
		var err error
		switch key {
		case "servers":
			_, err = mount.ParseServers(value)
		case "volume":
			_, _, err = mount.ParseVolume(value)
		default:
			err = errors.New("shown nowhere else")
		}
		if err != nil {
			t.Errorf("PersistentVolume %s: attribute %s: %v", pv.GetName(), key, err)
		}
	}
	if len(attributes) != 2 {
		t.Errorf("PersistentVolume %s: attributes %v, want servers and volume", pv.GetName(), attributes)
	}
	checkMountOptions(t, pv, "spec", "mountOptions")
}

func checkMountOptions(t *testing.T, object *unstructured.Unstructured, path ...string) {
	t.Helper()
	options, _, err := unstructured.NestedStringSlice(object.Object, path...)
	if err == nil {
		_, err = mount.ParseOptions(options)
	}
	if err != nil {
		t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
}
