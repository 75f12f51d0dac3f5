package migrate

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

func TestImport(t *testing.T) {
	inventories := []Inventory{{Backend: "main", Dump: testDump()}}
	listed := []GlusterVolume{{Name: "archive_1", Servers: []string{"10.5.0.1"}}}
	const rest = `  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
`
	for _, tc := range []struct {
		name string
		from Import
		want string
	}{
		{"by Heketi's id, adopted", Import{Volume: idA, Adopt: true, Name: "data", Class: "gluster"}, `
apiVersion: v1
kind: PersistentVolume
metadata: {name: data, annotations: {pv.beta.kubernetes.io/gid: "2001"}}
spec:
` + rest + `  storageClassName: gluster
  capacity: {storage: 20Gi}
  csi:
    driver: d
    volumeHandle: main/` + idA + `/adopted
    volumeAttributes: {backend: main, cluster: c, gid: "2001", servers: "10.0.0.1,10.0.0.2,10.0.0.3", volume: vol_` + idA + `}
`},
		{"by name, mounted only, with a claim", Import{Volume: "projects", Claim: "shop/data", ReadOnly: true}, `
apiVersion: v1
kind: PersistentVolume
metadata: {name: projects}
spec:
` + rest + `  storageClassName: ""
  capacity: {storage: 100Gi}
  claimRef: {namespace: shop, name: data}
  mountOptions: [ro]
  csi: {driver: d, volumeHandle: projects, volumeAttributes: {servers: "10.0.0.1,10.0.0.2,10.0.0.3", volume: projects}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {namespace: shop, name: data}
spec:
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 100Gi}}
  storageClassName: ""
  volumeName: projects
`},
		{"a directory of a volume that no Heketi has", Import{Volume: "archive_1/2019", Size: "5Gi"}, `
apiVersion: v1
kind: PersistentVolume
metadata: {name: archive-1-2019}
spec:
` + rest + `  storageClassName: ""
  capacity: {storage: 5Gi}
  csi: {driver: d, volumeHandle: archive-1-2019, volumeAttributes: {servers: 10.5.0.1, volume: archive_1/2019}}
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.from.Driver = "d"
			objects, err := tc.from.Objects(inventories, listed)
			if err != nil {
				t.Fatal(err)
			}
			var got, want strings.Builder
			for _, o := range objects {
				text, err := yaml.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				got.Write(text)
			}
			for text := range strings.SplitSeq(tc.want, "---\n") {
				text, err := yaml.Marshal(object(t, text).Object)
				if err != nil {
					t.Fatal(err)
				}
				want.Write(text)
			}
			if got.String() != want.String() {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want.String())
			}
		})
	}
}

func TestImportRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		from Import
		says string
	}{
		{"an unknown id", Import{Volume: idBad}, "no volume " + idBad},
		{"an unknown name", Import{Volume: "nothing", Size: "1Gi"}, "nothing proves that gluster volume nothing exists"},
		{"an unknown backend", Import{Volume: "projects", Backend: "x"}, "--backend=x"},
		{"not in that backend", Import{Volume: "archive", Backend: "main"}, "no volume archive"},
		{"a directory, adopted", Import{Volume: "projects/a", Adopt: true}, "--adopt is for whole volumes"},
		{"by hand, adopted", Import{Volume: "archive", Adopt: true}, "--adopt is for whole volumes"},
		{"without a size", Import{Volume: "archive"}, "--size=20Gi"},
		{"a size that is none", Import{Volume: "archive", Size: "much"}, "--size=much"},
		{"a size of nothing", Import{Volume: "archive", Size: "0"}, "--size=0"},
		{"a claim without a namespace", Import{Volume: "projects", Claim: "data"}, "--claim=data"},
		{"a name that is none", Import{Volume: "projects", Name: "A B"}, `"A B"`},
		{"a path that is none", Import{Volume: "projects/../x"}, "each part must be a name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.from.Objects([]Inventory{{Backend: "main", Dump: testDump()}}, []GlusterVolume{{Name: "archive", Servers: []string{"10.5.0.1"}}})
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
	_, err := Import{Volume: "projects"}.Objects([]Inventory{{Backend: "main", Err: errors.New("no route")}}, nil)
	if err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("a Heketi that cannot be read: %v", err)
	}
	_, err = Import{Volume: "projects", Adopt: true}.Objects([]Inventory{{Backend: "main", NoAdopt: true, Dump: testDump()}}, nil)
	if err == nil || !strings.Contains(err.Error(), "backend \"main\" has adopt: false") {
		t.Errorf("adopted where that is off: %v", err)
	}
	hosts := testDump()
	hosts.Nodes["n1"] = heketi.DumpNode{Host: "gluster-1:24007"}
	for _, adopt := range []bool{false, true} {
		_, err = Import{Volume: "projects", Adopt: adopt}.Objects([]Inventory{{Backend: "main", Dump: hosts}}, nil)
		if err == nil || !strings.Contains(err.Error(), "the driver would not mount it") {
			t.Errorf("servers that the driver refuses, adopted %t: %v", adopt, err)
		}
	}
	_, err = Import{Volume: "projects"}.Objects([]Inventory{{Backend: "a", Dump: testDump()}, {Backend: "b", Dump: testDump()}}, nil)
	if err == nil || !strings.Contains(err.Error(), "several volumes are called projects") {
		t.Errorf("two of them: %v", err)
	}
}
