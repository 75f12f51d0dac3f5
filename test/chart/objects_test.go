package chart

import (
	"bufio"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// documents splits YAML into documents, without those that are empty or contain only comments.
func documents(t *testing.T, text string) []string {
	t.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var docs []string
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		var content any
		if err := yaml.Unmarshal(doc, &content); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if content != nil {
			docs = append(docs, string(doc))
		}
	}
}

func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	docs := documents(t, text)
	list := make([]*unstructured.Unstructured, 0, len(docs))
	for _, doc := range docs {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &object.Object); err != nil {
			t.Fatal(err)
		}
		list = append(list, object)
	}
	return list
}

// only returns the object of this kind and name.
func only(t *testing.T, list []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range list {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// dig returns the value at a path of fields.
func dig(t *testing.T, object map[string]any, path ...string) any {
	t.Helper()
	value, found, err := unstructured.NestedFieldNoCopy(object, path...)
	if err != nil || !found {
		t.Fatalf("%s: found %v, %v", strings.Join(path, "."), found, err)
	}
	return value
}

// checkStrictly decodes an object into the types of the Kubernetes API and refuses unknown fields. The types of the Prometheus
// operator and of OpenShift are not available; alerts_test.go and openshift_test.go check these objects.
func checkStrictly(t *testing.T, text string) {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, doc := range documents(t, text) {
		if strings.Contains(doc, "apiVersion: monitoring.coreos.com/v1\n") || strings.Contains(doc, "apiVersion: security.openshift.io/v1\n") {
			continue
		}
		if _, _, err := decoder.Decode([]byte(doc), nil, nil); err != nil {
			t.Errorf("%v in\n%s", err, doc)
		}
	}
}

func TestObjectsAreOfTheKubernetesAPI(t *testing.T) {
	for _, r := range slices.Concat(renderings(), storageRenderings()) {
		t.Run(r.name, func(t *testing.T) { checkStrictly(t, r.renderAll(t)) })
	}
	for _, path := range append(files(t, deploy+"/examples/*.yaml"), deploy+"/glusterfs-csi.yaml", deploy+"/namespace.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) { checkStrictly(t, read(t, path)) })
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	return paths
}
