package migrate

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

const inTreeClass = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: gluster
  uid: u
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
    kubectl.kubernetes.io/last-applied-configuration: '{"parameters":{"restuserkey":"topsecret"}}'
provisioner: kubernetes.io/glusterfs
parameters: {resturl: "http://10.0.0.9:8080", RestUser: admin, restuserkey: topsecret, secretNamespace: default, secretName: heketi, volumetype: "replicate:3", gidMin: "40000"}
reclaimPolicy: Retain
allowVolumeExpansion: true
mountOptions: [auto_unmount, log-level=ERROR]
`

func backends(t *testing.T, urls ...string) *heketi.Backends {
	t.Helper()
	var config heketi.Config
	for i, url := range urls {
		config.Backends = append(config.Backends, heketi.BackendConfig{Name: []string{"main", "other"}[i], URL: url})
	}
	made, err := heketi.NewBackends(config, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

func TestClass(t *testing.T) {
	s := testSources(t)
	s.Objects.Classes = append(s.Objects.Classes, object(t, inTreeClass), object(t, change(t, inTreeClass, "provisioner: kubernetes.io/glusterfs", "provisioner: other")))
	s.Backends = backends(t, "http://10.0.0.9:8080", "http://10.0.0.10:8080")
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Classes) != 1 || plan.Classes[0].Action != Migrate {
		t.Fatalf("%+v", plan.Classes)
	}
	c := plan.Classes[0]
	got, err := yaml.Marshal(c.Replacement)
	if err != nil {
		t.Fatal(err)
	}
	want, err := yaml.Marshal(object(t, `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: gluster
  annotations:
    glusterfs.csi.gluster.org/migrated-from: kubernetes.io/glusterfs
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: glusterfs.csi.gluster.org
parameters: {resturl: "http://10.0.0.9:8080", volumetype: "replicate:3", gidMin: "40000"}
reclaimPolicy: Retain
allowVolumeExpansion: true
mountOptions: [log-level=ERROR]
`).Object)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	warnings := strings.Join(c.Warnings, "\n")
	for _, word := range []string{"RestUser", "restuserkey", "secretName", "backends[name=main].existingSecret", "auto_unmount"} {
		if !strings.Contains(warnings, word) {
			t.Errorf("the warnings do not have %q: %s", word, warnings)
		}
	}
	if strings.Contains(warnings, "topsecret") {
		t.Error("a warning has the key in it")
	}
}

// TestClassWithAPasswordInItsURL: the password does not get into the new class, nor into a warning.
func TestClassWithAPasswordInItsURL(t *testing.T) {
	s := testSources(t)
	s.Objects.Classes = append(s.Objects.Classes, object(t, change(t, inTreeClass, "resturl: \"http://10.0.0.9", "RestURL: \"http://admin:hidden@10.0.0.9")))
	s.Backends = backends(t, "http://10.0.0.9:8080")
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil || len(plan.Classes) != 1 || plan.Classes[0].Action != Migrate {
		t.Fatalf("%v, %+v", err, plan.Classes)
	}
	c := plan.Classes[0]
	made, err := read[storageClass](objectOf(c.Replacement))
	warnings := strings.Join(c.Warnings, "\n")
	if err != nil || made.Parameters["RestURL"] != "http://10.0.0.9:8080" || !strings.Contains(warnings, "left out of RestURL") || strings.Contains(warnings, "hidden") {
		t.Errorf("%v, %v, warnings: %s", err, made.Parameters, warnings)
	}
}

func TestClassRefused(t *testing.T) {
	for _, tc := range []struct{ name, class, says string }{
		{"a backend that is not configured", change(t, inTreeClass, "10.0.0.9", "10.0.0.8"), "10.0.0.8"},
		{"an unknown parameter", change(t, inTreeClass, "volumetype", "volumetyp"), "volumetype"},
		{"a mount option", change(t, inTreeClass, "log-level", "lug-level"), "--drop-mount-option=lug-level"},
		{"topologies", inTreeClass + "allowedTopologies: [{matchLabelExpressions: []}]\n", "allowedTopologies"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := testSources(t)
			s.Objects.Classes = append(s.Objects.Classes, object(t, tc.class))
			s.Backends = backends(t, "http://10.0.0.9:8080")
			plan, err := NewPlan(s, Choices{Driver: testDriver})
			if err != nil {
				t.Fatal(err)
			}
			if c := plan.Classes[0]; c.Action != Refuse || !strings.Contains(c.Reason, tc.says) || c.Replacement != nil {
				t.Errorf("%s: %q, want %q", c.Action, c.Reason, tc.says)
			}
		})
	}
}
