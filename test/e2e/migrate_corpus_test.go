package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inTree is a PersistentVolume of the in-tree plugin, and the content of its volume.
type inTree struct {
	claim    string
	kept     string // of the PersistentVolume, after the migration: label, mount options, nodes
	volume   string // of gluster
	dir      string // in the volume, for the path of the PersistentVolume
	gid      int    // 0: no annotation
	dynamic  bool
	readOnly bool
	manifest string
	listing  string // of all files, as the storage node sees them
}

// pv returns the name of the PersistentVolume.
func (v inTree) pv(namespace string) string { return namespace + "-" + v.claim }

func (v inTree) path() string { return strings.TrimSuffix(v.volume+"/"+v.dir, "/") }

// corpus creates volumes of all kinds that the in-tree plugin had: dynamic ones of three generations, and static of those that
// administrators made by hand. The first four dynamic volumes can grow and have three copies.
func corpus(t *testing.T, namespace, class string, dynamic, static int) []inTree {
	t.Helper()
	all := make([]inTree, 0, dynamic+static)
	for i := range dynamic {
		durability := "replicate"
		if i >= 4 {
			durability = "none"
		}
		v := inTreeVolume(t, 41000+i, "--durability="+durability)
		all = append(all, dynamicInTree(v, i, namespace, class))
	}
	whole, shared := namespace+"-whole", namespace+"-shared"
	byHand(t, whole)
	byHand(t, shared)
	for i := range static {
		v := inTree{claim: fmt.Sprintf("static-%02d", i), volume: shared, dir: fmt.Sprintf("projects/%02d", i), readOnly: i%5 == 3}
		if i%2 == 0 {
			v.gid = 42000
		}
		if i < 3 {
			v.volume, v.dir, v.gid = whole, "", 42000 // three on one volume
		}
		v.manifest = v.byHandManifest(i, namespace)
		all = append(all, v)
	}
	return all
}

// dynamicInTree returns the objects that the in-tree plugin wrote for a volume, in one of three generations.
func dynamicInTree(v oldVolume, i int, namespace, class string) inTree {
	d := inTree{claim: fmt.Sprintf("dynamic-%02d", i), volume: v.name, gid: v.gid, dynamic: true}
	generation := i % 3
	if i >= 4 && i < 7 {
		d.claim = fmt.Sprintf("data-set-%d", i-4) // of a StatefulSet's template
	}
	endpoints, where, id := "glusterfs-dynamic-"+d.claim, "", ""
	if generation > 0 {
		endpoints, id = "glusterfs-dynamic-"+v.id, fmt.Sprintf("gluster.kubernetes.io/heketi-volume-id: %q", v.id)
	}
	if generation > 1 {
		where = ", endpointsNamespace: " + namespace
	}
	options, affinity := "", ""
	d.kept = fmt.Sprintf("%d  ", i)
	switch i % 4 {
	case 1:
		d.kept = fmt.Sprintf(`%d ["log-level=WARNING"] `, i)
		options = "\n  mountOptions: [auto_unmount, log-level=WARNING, log-file=/var/log/old.log]"
	case 2:
		d.kept += `["node1","node2"]`
		affinity = "\n  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1, node2]}]}]}}"
	}
	d.manifest = inTreeEndpoints(endpoints) + fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: %[1]s
  labels: {e2e: %[2]s, team: "%[3]d"}
  annotations:
    Description: 'Gluster-Internal: Dynamically provisioned PV'
    %[4]s
    gluster.org/type: file
    kubernetes.io/createdby: heketi-dynamic-provisioner
    pv.beta.kubernetes.io/gid: "%[5]d"
    pv.kubernetes.io/provisioned-by: kubernetes.io/glusterfs
    pv.kubernetes.io/bound-by-controller: "yes"
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 1Gi}
  claimRef: {namespace: %[2]s, name: %[6]s}
  glusterfs: {endpoints: %[7]s, path: %[8]s%[9]s}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: %[10]s%[11]s%[12]s
`, d.pv(namespace), namespace, i, id, d.gid, d.claim, endpoints, d.path(), where, class, options, affinity) + d.claimManifest(namespace, class)
	return d
}

// byHandManifest returns a PersistentVolume as administrators wrote them.
func (v inTree) byHandManifest(i int, namespace string) string {
	policy, annotations, more := "Retain", "", ""
	if i%4 == 0 {
		policy = "Delete"
	}
	if v.gid > 0 {
		annotations = fmt.Sprintf(`, annotations: {pv.beta.kubernetes.io/gid: "%d"}`, v.gid)
	}
	if v.readOnly {
		more = ", readOnly: true"
	}
	class := []string{"", "by-hand"}[i%2] // without a class, and with one that does not exist
	return fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata: {name: %[1]s, labels: {e2e: %[2]s}%[3]s}
spec:
  accessModes: [ReadWriteMany, ReadOnlyMany]
  capacity: {storage: 1Gi}
  claimRef: {namespace: %[2]s, name: %[4]s}
  glusterfs: {endpoints: glusterfs-cluster, path: %[5]s%[6]s}
  persistentVolumeReclaimPolicy: %[7]s
  storageClassName: %[8]q
`, v.pv(namespace), namespace, annotations, v.claim, v.path(), more, policy, class) + v.claimManifest(namespace, class)
}

func (v inTree) claimManifest(namespace, class string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: %q, volumeName: %s}
`, v.claim, class, v.pv(namespace))
}

// unproven returns PersistentVolumes that must be left alone, each with a part of the reason: one whose size differs from
// Heketi's, one that Heketi does not have, two that claim one volume, and one whose id belongs to a volume with another name.
func unproven(t *testing.T, namespace, class string) (reasons map[string]string, manifest string) {
	t.Helper()
	larger, twice, renamed := inTreeVolume(t, 43000), inTreeVolume(t, 43001), inTreeVolume(t, 43003)
	unknown := oldVolume{strings.Repeat("0", 32), "vol_" + strings.Repeat("0", 32), 43002}
	renamed.name += "-old"
	reasons = map[string]string{}
	for i, of := range []struct {
		volume oldVolume
		reason string
	}{
		{larger, "has 2 GiB"}, {unknown, "no configured Heketi has a volume with the id"}, {twice, "several PersistentVolumes"}, {twice, "several PersistentVolumes"},
		{renamed, renamed.name},
	} {
		d := dynamicInTree(of.volume, 100+i, namespace, class)
		if of.volume == larger {
			d.manifest = strings.ReplaceAll(d.manifest, "1Gi", "2Gi")
		}
		reasons[d.pv(namespace)] = of.reason
		manifest += d.manifest
	}
	return reasons, manifest
}

// statefulSet returns the owner of the claims data-set-0 to data-set-2, without pods.
func statefulSet(class string) string {
	return fmt.Sprintf(`---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set}
spec:
  replicas: 0
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: set}}
  template:
    metadata: {labels: {app: set}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: %s, command: [sleep, "1000000"], volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: %s}
`, busyboxImage, class)
}

// fillAll creates files of several owners, groups and modes in all volumes, and stores their listing.
func fillAll(t *testing.T, all []inTree) {
	t.Helper()
	for i := range all {
		v := &all[i]
		if v.dir == "" && !v.dynamic && i > 0 && all[i-1].path() == v.path() {
			v.listing = all[i-1].listing // another one on the same volume
			continue
		}
		out, err := cluster.Lab().Storage(1).Output(t.Context(), "bash", "-euc", fmt.Sprintf(`
top=$(mktemp -d)
mount -t glusterfs localhost:/%[1]s "$top"
trap 'cd /; umount "$top"; rmdir "$top"' EXIT
mkdir -p "$top/%[2]s"; cd "$top/%[2]s"
mkdir -p group a/b; chgrp %[3]d group; chmod 2770 group; chmod 700 a
for i in 1 2 3 4 5; do head -c $((i * 3000)) /dev/urandom >a/b/$i; chown $i:$((i + 100)) a/b/$i; done
echo text >group/file; chown 1000:%[3]d group/file; chmod 640 group/file; ln -s group/file link
%[4]s`, v.volume, v.dir, v.gid, listFiles))
		ok(t, err)
		v.listing = out
	}
}

// listFiles lists the files below the working directory: owner, group, mode, size, checksum.
const listFiles = `find . | LC_ALL=C sort | while read -r f; do stat -c '%n %u %g %a %s' "$f"; done; find . -type f | LC_ALL=C sort | xargs sha256sum`

// reader returns a pod with many claims, which it uses as root and as a user with only the groups of the volumes.
func reader(name string, volumes []inTree) string {
	mounts, sources := make([]string, 0, len(volumes)), make([]string, 0, len(volumes))
	for _, v := range volumes {
		mounts = append(mounts, fmt.Sprintf("{name: %[1]s, mountPath: /v/%[1]s}", v.claim))
		sources = append(sources, fmt.Sprintf("{name: %[1]s, persistentVolumeClaim: {claimName: %[1]s}}", v.claim))
	}
	container := func(name string, user int) string {
		return fmt.Sprintf("{name: %s, image: %s, command: [sleep, \"1000000\"], securityContext: {runAsUser: %d, runAsGroup: %[3]d}, volumeMounts: [%[4]s]}", name, busyboxImage, user, strings.Join(mounts, ", "))
	}
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  terminationGracePeriodSeconds: 0
  containers: [%s, %s]
  volumes: [%s]
`, name, container("user", 1000), container("root", 0), strings.Join(sources, ", "))
}

// glusterInfo writes the output of "gluster volume info --xml" to a file, the proof for volumes that no Heketi has.
func glusterInfo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gluster.xml")
	ok(t, os.WriteFile(path, []byte(gluster(t, "volume", "info", "--xml")), 0o600))
	return path
}
