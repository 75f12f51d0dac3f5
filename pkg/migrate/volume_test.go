package migrate

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// TestReplacement compares whole objects: the fields that are kept, changed and left out.
func TestReplacement(t *testing.T) {
	for _, tc := range []struct{ name, pv, want string }{
		{"dynamic", dynamicPV, `
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-a
  annotations:
    glusterfs.csi.gluster.org/migrated-from: kubernetes.io/glusterfs
    pv.beta.kubernetes.io/gid: "2001"
    pv.kubernetes.io/bound-by-controller: "yes"
    pv.kubernetes.io/provisioned-by: glusterfs.csi.gluster.org
  labels: {team: shop}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 20Gi}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: shop, name: data, uid: uid-claim}
  csi:
    driver: glusterfs.csi.gluster.org
    volumeHandle: main/` + idA + `/adopted
    volumeAttributes:
      backend: main
      cluster: c
      gid: "2001"
      servers: 10.0.0.1,10.0.0.2,10.0.0.3
      volume: vol_` + idA + `
  persistentVolumeReclaimPolicy: Delete
  storageClassName: gluster
  volumeMode: Filesystem
`},
		{"static", staticPV, `
apiVersion: v1
kind: PersistentVolume
metadata:
  name: projects
  annotations: {glusterfs.csi.gluster.org/migrated-from: kubernetes.io/glusterfs}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 100Gi}
  claimRef: {namespace: shop, name: data, uid: uid-claim}
  csi:
    driver: glusterfs.csi.gluster.org
    volumeHandle: projects
    volumeAttributes: {servers: "10.0.0.1,10.0.0.2", volume: projects/a}
  mountOptions: [ro]
  persistentVolumeReclaimPolicy: Retain
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := planOf(t, testSources(t, tc.pv), Choices{})
			if v.Action != Migrate {
				t.Fatalf("%s: %s", v.Action, v.Reason)
			}
			got, err := yaml.Marshal(v.Replacement)
			if err != nil {
				t.Fatal(err)
			}
			want, err := yaml.Marshal(object(t, tc.want).Object)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestMigrated lists differences that do not prevent a migration.
func TestMigrated(t *testing.T) {
	const annotation = "    gluster.kubernetes.io/heketi-volume-id: " + idA + "\n"
	for _, tc := range []struct {
		name, pv string
		handle   string
		policy   string
		options  string // the replacement's options
		warning  string // "" means no warning
	}{
		{"as it was made", dynamicPV, "main/" + idA + "/adopted", "Delete", "", ""},
		{"by an old plugin", change(t, dynamicPV, annotation, "", ", endpointsNamespace: shop", ""), "main/" + idA + "/adopted", "Delete", "", ""},
		{"released", change(t, dynamicPV, "phase: Bound", "phase: Released"), "main/" + idA + "/adopted", "Retain", "", "so that its data are not deleted"},
		{"failed", change(t, dynamicPV, "phase: Bound", "phase: Failed"), "main/" + idA + "/adopted", "Retain", "", "so that its data are not deleted"},
		{"retained", change(t, dynamicPV, "Policy: Delete", "Policy: Retain"), "main/" + idA + "/adopted", "Retain", "", ""},
		{"without Endpoints", change(t, dynamicPV, "endpoints: glusterfs-dynamic-uid-claim", "endpoints: gone"), "main/" + idA + "/adopted", "Delete", "", "have no address"},
		{"without a group", change(t, dynamicPV, `    pv.beta.kubernetes.io/gid: "2001"`+"\n", ""), "main/" + idA + "/adopted", "Delete", "", "pods get this group now"},
		{"another group", change(t, dynamicPV, "2001", "2002"), "main/" + idA + "/adopted", "Delete", "", "the group 2002, as before"},
		{"mount options", change(t, dynamicPV, "  volumeMode", "  mountOptions: [auto_unmount, log-file=/var/log/x, log-level=WARNING, acl]\n  volumeMode"),
			"main/" + idA + "/adopted", "Delete", "log-level=WARNING acl", "has its own log"},
		{"old mount options", change(t, dynamicPV, annotation, annotation+"    volume.beta.kubernetes.io/mount-options: acl,log-level=ERROR\n"),
			"main/" + idA + "/adopted", "Delete", "acl log-level=ERROR", ""},
		{"mount options in one string", change(t, dynamicPV, "  volumeMode", "  mountOptions: ['log-level=ERROR,frobnicate=1,log-file=/x,backup-volfile-servers=a,b,acl']\n  volumeMode"),
			"main/" + idA + "/adopted", "Delete", "log-level=ERROR backup-volfile-servers=a,b acl", "\"frobnicate=1\" is left out, as requested"},
		{"a mount option that is dropped", change(t, dynamicPV, "  volumeMode", "  mountOptions: [frobnicate=1]\n  volumeMode"),
			"main/" + idA + "/adopted", "Delete", "", "as requested"},
		{"read only by access mode", change(t, dynamicPV, "[ReadWriteMany]", "[ReadOnlyMany, ReadWriteMany]"), "main/" + idA + "/adopted", "Delete", "", "its first access mode"},
		{"by hand", staticPV, "projects", "Retain", "ro", "readOnly becomes"},
		{"by hand with policy Delete", change(t, staticPV, "Policy: Retain", "Policy: Delete"), "projects", "Retain", "ro", "made by hand; it becomes Retain"},
		{"by hand with policy Recycle", change(t, staticPV, "Policy: Retain", "Policy: Recycle"), "projects", "Retain", "ro", "becomes Retain"},
		{"by hand, the id copied", change(t, staticPV, "uid: uid-static", "uid: uid-static, annotations: {gluster.kubernetes.io/heketi-volume-id: "+idB+"}"), "projects", "Retain", "ro", ""},
		{"by hand, without a claim", change(t, staticPV, "  claimRef: {namespace: shop, name: data, uid: uid-claim}\n", "", "phase: Bound", "phase: Available"),
			"projects", "Retain", "ro", "have no address"},
		{"a long name", change(t, staticPV, "name: projects", "name: "+strings.Repeat("p", 200)), strings.Repeat("p", 95) + "-", "Retain", "ro", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := planOf(t, testSources(t, tc.pv), Choices{DropMountOptions: []string{"frobnicate"}})
			if v.Action != Migrate {
				t.Fatalf("%s: %s", v.Action, v.Reason)
			}
			pv, err := read[persistentVolume](objectOf(v.Replacement))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(v.Handle, tc.handle) || pv.Spec.CSI.VolumeHandle != v.Handle || len(v.Handle) > longestHandle {
				t.Errorf("handle %q, in the object %q", v.Handle, pv.Spec.CSI.VolumeHandle)
			}
			if pv.Spec.ReclaimPolicy != tc.policy {
				t.Errorf("policy %s, want %s", pv.Spec.ReclaimPolicy, tc.policy)
			}
			if got := strings.Join(pv.Spec.MountOptions, " "); got != tc.options {
				t.Errorf("mount options %q, want %q", got, tc.options)
			}
			if warnings := strings.Join(v.Warnings, "\n"); !strings.Contains(warnings, tc.warning) || tc.warning == "" && strings.Contains(tc.policy, "Delete") && warnings != "" {
				t.Errorf("warnings %q, want %q", warnings, tc.warning)
			}
			if len(v.Proofs) == 0 {
				t.Error("no proof")
			}
		})
	}
}

// TestRefused lists PersistentVolumes that are not migrated, with the reasons.
func TestRefused(t *testing.T) {
	for _, tc := range []struct{ name, pv, reason string }{
		{"another name", change(t, dynamicPV, "path: vol_"+idA, "path: vol_x"), "has the name vol_" + idA},
		{"another size", change(t, dynamicPV, "20Gi", "21Gi"), "the PersistentVolume has 21 GiB, and " + idA + ` in backend "main" has 20 GiB`},
		{"another cluster", change(t, dynamicPV, "glusterfs-dynamic-uid-claim", "elsewhere"), "but Heketi has the volume in cluster c"},
		{"an unknown id", change(t, dynamicPV, "heketi-volume-id: "+idA, "heketi-volume-id: "+idBad), "no configured Heketi has a volume with the id " + idBad},
		{"a directory of a dynamic one", change(t, dynamicPV, "path: vol_"+idA, "path: vol_"+idA+"/sub"), "it mounts the directory sub"},
		{"no size", change(t, dynamicPV, "20Gi", "much"), "spec.capacity.storage"},
		{"a group that is none", change(t, dynamicPV, `"2001"`, `"wheel"`), "must be a group id"},
		{"being deleted", change(t, dynamicPV, "  uid: uid-pv\n", "  uid: uid-pv\n  deletionTimestamp: \"2026-01-01T00:00:00Z\"\n"), "it is being deleted"},
		{"another program's", change(t, dynamicPV, "[kubernetes.io/pv-protection]", "[backup.example/keep]"), "it has a finalizer of another program: backup.example/keep"},
		{"an earlier claim's", change(t, dynamicPV, "name: data, uid: uid-claim", "name: data, uid: uid-old"), "bound to an earlier claim shop/data"},
		{"a claim that is gone", change(t, dynamicPV, "name: data,", "name: gone,"), "the claim shop/gone, which does not exist"},
		{"a block device", change(t, dynamicPV, "Filesystem", "Block"), "volumeMode is Block"},
		{"pending", change(t, dynamicPV, "phase: Bound", "phase: Pending"), "its phase is Pending"},
		{"an unknown mount option", change(t, dynamicPV, "  volumeMode", "  mountOptions: [frobnicate=1]\n  volumeMode"), "--drop-mount-option=frobnicate"},
		{"a path that is none", change(t, dynamicPV, "path: vol_"+idA, "path: vol/../etc"), "spec.glusterfs.path"},
		{"by hand, without proof", change(t, staticPV, "path: /projects/a", "path: secrets"), "nothing proves that gluster volume secrets exists"},
		{"by hand, on other servers", change(t, staticPV, "endpoints: glusterfs-cluster", "endpoints: elsewhere"), "nothing proves"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := testSources(t, tc.pv)
			s.Objects.Endpoints = append(s.Objects.Endpoints, object(t, `
apiVersion: v1
kind: Endpoints
metadata: {namespace: shop, name: elsewhere}
subsets: [{addresses: [{ip: 10.66.0.1}]}]
`))
			v := planOf(t, s, Choices{})
			if v.Action != Refuse || !strings.Contains(v.Reason, tc.reason) {
				t.Errorf("%s: %q, want %q", v.Action, v.Reason, tc.reason)
			}
			if v.Replacement != nil || v.Handle != "" || v.Backup == nil {
				t.Errorf("a refused PersistentVolume has a replacement or no backup: %+v", v)
			}
		})
	}
}

// TestTwoCandidates: if the source may mean two volumes, neither is chosen.
func TestTwoCandidates(t *testing.T) {
	t.Run("two backends", func(t *testing.T) {
		s := testSources(t, dynamicPV)
		s.Inventories = append(s.Inventories, Inventory{Backend: "again", Dump: testDump()})
		if v := planOf(t, s, Choices{}); v.Action != Refuse || !strings.Contains(v.Reason, "several volumes have the id") {
			t.Errorf("%s: %s", v.Action, v.Reason)
		}
	})
	t.Run("two PersistentVolumes", func(t *testing.T) {
		s := testSources(t, dynamicPV, change(t, dynamicPV, "name: pvc-a", "name: pvc-b", "phase: Bound", "phase: Released"))
		plan, err := NewPlan(s, Choices{Driver: testDriver})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range plan.Volumes {
			if v.Action != Refuse || !strings.Contains(v.Reason, "pvc-a, pvc-b; only one can be right") {
				t.Errorf("%s: %s: %s", v.Name, v.Action, v.Reason)
			}
		}
	})
	t.Run("one of two PersistentVolumes is refused for another reason", func(t *testing.T) {
		s := testSources(t, dynamicPV, change(t, dynamicPV, "name: pvc-a", "name: pvc-b", "phase: Bound", "phase: Pending"))
		if v := planOf(t, s, Choices{}); v.Action != Refuse || !strings.Contains(v.Reason, "pvc-a, pvc-b; only one can be right") {
			t.Errorf("%s: %s", v.Action, v.Reason)
		}
	})
	t.Run("one that the driver has already", func(t *testing.T) {
		s := testSources(t, dynamicPV, `{kind: PersistentVolume, metadata: {name: x}, spec: {csi: {driver: `+testDriver+`, volumeHandle: main/`+idA+`}}}`)
		if v := planOf(t, s, Choices{}); v.Action != Refuse || !strings.Contains(v.Reason, "PersistentVolume x of driver") {
			t.Errorf("%s: %s", v.Action, v.Reason)
		}
	})
}

// TestServersThatTheDriverRefuses: a PersistentVolume with such servers could never be mounted.
func TestServersThatTheDriverRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ pv, host string }{
		"of Heketi": {dynamicPV, "gluster-1:24007"}, "of the Endpoints": {staticPV, "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := testSources(t, tc.pv)
			s.Inventories[0].Dump.Nodes["n3"] = heketi.DumpNode{Host: tc.host}
			s.Objects.Endpoints[1] = object(t, "{metadata: {namespace: shop, name: glusterfs-cluster}, subsets: [{addresses: [{ip: 10.0.0.1}, {ip: 0.0.0.0}]}]}")
			if v := planOf(t, s, Choices{}); v.Action != Refuse || !strings.Contains(v.Reason, "the driver would not mount it") {
				t.Errorf("%s: %q", v.Action, v.Reason)
			}
		})
	}
}

// TestNoAdopt: the plan warns about a volume that the driver would never expand or delete.
func TestNoAdopt(t *testing.T) {
	for _, pv := range []string{dynamicPV, staticPV} {
		s := testSources(t, pv)
		s.Inventories[0].NoAdopt = true
		v := planOf(t, s, Choices{})
		if got := strings.Contains(strings.Join(v.Warnings, "\n"), "backend \"main\" has adopt: false"); v.Action != Migrate || got != (v.Kind == Dynamic) {
			t.Errorf("%s: %s, %q", v.Name, v.Action, v.Warnings)
		}
	}
}

// TestHeketiThatCannotBeRead: a Heketi that cannot be read may have the volume.
func TestHeketiThatCannotBeRead(t *testing.T) {
	for _, pv := range []string{dynamicPV, staticPV} {
		s := testSources(t, pv)
		s.Inventories = []Inventory{{Backend: "main", Err: errors.New("no route to host")}}
		if v := planOf(t, s, Choices{}); v.Action != Refuse || !strings.Contains(v.Reason, `"main" (no route to host)`) {
			t.Errorf("%s: %s", v.Action, v.Reason)
		}
	}
}

// TestProvenByGluster: no Heketi has this volume.
func TestProvenByGluster(t *testing.T) {
	for _, tc := range []struct {
		name    string
		servers []string
		action  Action
	}{
		{"the same servers", []string{"10.0.0.2", "10.0.0.7"}, Migrate},
		{"names, which cannot be compared", []string{"gluster-1"}, Migrate},
		{"other servers", []string{"10.5.0.1"}, Refuse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := testSources(t, change(t, staticPV, "/projects/a", "archive"))
			s.VolumeInfo = []GlusterVolume{{Name: "archive", Servers: tc.servers}}
			if v := planOf(t, s, Choices{}); v.Action != tc.action {
				t.Errorf("%s: %s", v.Action, v.Reason)
			}
		})
	}
}
