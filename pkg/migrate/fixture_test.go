package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	testDriver = "glusterfs.csi.gluster.org"
	idA        = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB        = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	idBad      = "00000000000000000000000000000bad"
)

// dynamicPV is the PersistentVolume that the provisioner of Kubernetes 1.25 made for the claim shop/data.
const dynamicPV = `
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-a
  uid: uid-pv
  resourceVersion: "12"
  annotations:
    Description: 'Gluster-Internal: Dynamically provisioned PV'
    gluster.kubernetes.io/heketi-volume-id: ` + idA + `
    gluster.org/type: file
    kubernetes.io/createdby: heketi-dynamic-provisioner
    pv.beta.kubernetes.io/gid: "2001"
    pv.kubernetes.io/bound-by-controller: "yes"
    pv.kubernetes.io/provisioned-by: kubernetes.io/glusterfs
  labels: {team: shop}
  finalizers: [kubernetes.io/pv-protection]
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 20Gi}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: shop, name: data, uid: uid-claim, resourceVersion: "3"}
  glusterfs: {endpoints: glusterfs-dynamic-uid-claim, endpointsNamespace: shop, path: vol_` + idA + `}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: gluster
  volumeMode: Filesystem
status: {phase: Bound}
`

// staticPV was made by hand, following the documentation of Kubernetes.
const staticPV = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: projects, uid: uid-static}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 100Gi}
  claimRef: {namespace: shop, name: data, uid: uid-claim}
  glusterfs: {endpoints: glusterfs-cluster, path: /projects/a, readOnly: true}
  persistentVolumeReclaimPolicy: Retain
status: {phase: Bound}
`

func object(tb testing.TB, text string) unstructured.Unstructured {
	tb.Helper()
	var o unstructured.Unstructured
	content, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = json.Unmarshal(content, &o.Object)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// change replaces each old text with the new one that follows it. It fails if an old text does not occur.
func change(tb testing.TB, text string, oldnew ...string) string {
	tb.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			tb.Fatalf("%q is not in the text", oldnew[i])
		}
		text = strings.ReplaceAll(text, oldnew[i], oldnew[i+1])
	}
	return text
}

// testSources returns sources with the claim shop/data, Endpoints, and a Heketi with one volume of each kind.
func testSources(tb testing.TB, volumes ...string) Sources {
	tb.Helper()
	s := Sources{Inventories: []Inventory{{Backend: "main", Dump: testDump()}}, Objects: Objects{Cluster: "uid-cluster"}}
	for _, v := range volumes {
		s.Objects.Volumes = append(s.Objects.Volumes, object(tb, v))
	}
	name := "pvc-a"
	if len(volumes) > 0 {
		name = s.Objects.Volumes[0].GetName()
	}
	s.Objects.Claims = []unstructured.Unstructured{object(tb, `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: shop, name: data, uid: uid-claim}
spec: {volumeName: `+name+`}
status: {phase: Bound}
`)}
	for _, name := range []string{"glusterfs-dynamic-uid-claim", "glusterfs-cluster"} {
		s.Objects.Endpoints = append(s.Objects.Endpoints, object(tb, `
apiVersion: v1
kind: Endpoints
metadata: {namespace: shop, name: `+name+`}
subsets: [{addresses: [{ip: 10.0.0.1}, {ip: 10.0.0.2}], ports: [{port: 1}]}]
`))
	}
	return s
}

func testDump() heketi.Dump {
	return heketi.Dump{
		Clusters: map[string]heketi.DumpCluster{"c": {Nodes: []string{"n1", "n2", "n3"}}, "other": {Nodes: []string{"n9"}}},
		Nodes: map[string]heketi.DumpNode{
			"n1": {Host: "10.0.0.1"}, "n2": {Host: "10.0.0.2"}, "n3": {Host: "10.0.0.3"}, "n9": {Host: "10.9.0.1"},
		},
		Volumes: map[string]heketi.DumpVolume{
			idA: {Name: "vol_" + idA, Cluster: "c", SizeGiB: 20, GID: 2001, Durability: volume.DefaultDurability()},
			idB: {Name: "projects", Cluster: "c", SizeGiB: 100, Durability: volume.DefaultDurability()},
		},
	}
}

// planOf plans one PersistentVolume.
func planOf(tb testing.TB, s Sources, choices Choices) VolumePlan {
	tb.Helper()
	choices.Driver = testDriver
	plan, err := NewPlan(s, choices)
	if err != nil {
		tb.Fatal(err)
	}
	if len(plan.Volumes) == 0 {
		tb.Fatal("the plan has no PersistentVolume")
	}
	return plan.Volumes[0]
}

func objectOf(content map[string]any) unstructured.Unstructured {
	return unstructured.Unstructured{Object: content}
}

func parseObject(content []byte) (unstructured.Unstructured, bool) {
	var o unstructured.Unstructured
	err := yaml.Unmarshal(content, &o.Object)
	return o, err == nil && o.Object != nil
}
