package migrate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// volume plans one PersistentVolume.
func (p *planner) volume(pv persistentVolume, v *VolumePlan) {
	v.Kind = kindOf(pv)
	source, err := sourceOf(pv, p.addresses)
	v.Source, v.Phase = source, pv.Status.Phase
	if ref := pv.Spec.ClaimRef; ref != nil {
		v.Claim = ref.Namespace + "/" + ref.Name
		v.Pods = slices.Sorted(slices.Values(p.podsOf[v.Claim]))
	}
	if err == nil {
		err = p.checkState(pv)
	}
	if err != nil {
		*v = v.refused("%v", err)
		return
	}
	v.Action = Migrate
	policy, warnings := p.policy(pv)
	v.Warnings = warnings
	var attributes map[string]string
	switch v.Kind {
	case Dynamic:
		attributes, err = p.dynamic(pv, v)
	case Static:
		attributes, err = p.static(pv, v)
	}
	if err != nil {
		*v = v.refused("%v", err)
		return
	}
	options, warnings, err := translateOptions(mountOptionsOf(pv), source.ReadOnly, p.DropMountOptions)
	if err != nil {
		*v = v.refused("%v", err)
		return
	}
	v.Warnings = append(v.Warnings, warnings...)
	v.Warnings = append(v.Warnings, slices.Concat(accessWarnings(pv), ownerWarnings(pv), fsGroupWarnings(p.fsGroups[v.Claim]))...)
	if other := p.handles[v.Handle]; other != "" && v.Kind == Static {
		*v = v.refused("PersistentVolume %s of driver %s has the volume handle %q already", other, p.Driver, v.Handle)
		return
	}
	v.Replacement = replacement(v, pv, p.Driver, attributes, options, policy)
}

// checkState returns an error if a PersistentVolume's state does not allow its replacement.
func (p *planner) checkState(pv persistentVolume) error {
	ref := pv.Spec.ClaimRef
	switch {
	case pv.Metadata.DeletionTimestamp != "":
		return fmt.Errorf("it is being deleted. With the policy Retain, Kubernetes completes that, and then no object names gluster volume %s: note the name, and import the volume", pv.Spec.GlusterFS.Path)
	case slices.ContainsFunc(pv.Metadata.Finalizers, func(f string) bool { return !isOwnFinalizer(f) }):
		return fmt.Errorf("it has a finalizer of another program: %s; remove it first if that program agrees", strings.Join(pv.Metadata.Finalizers, ", "))
	case pv.Spec.VolumeMode == "Block":
		return errors.New("spec.volumeMode is Block, but a gluster volume holds files")
	case pv.Status.Phase == "Pending":
		return errors.New("its phase is Pending; plan again when it has another one")
	case ref == nil || pv.Status.Phase != phaseBound:
		return nil
	}
	key := ref.Namespace + "/" + ref.Name
	c, ok := p.claims[key]
	switch {
	case !ok:
		return fmt.Errorf("it is bound to the claim %s, which does not exist; plan again when its phase is Released", key)
	case ref.UID != c.Metadata.UID:
		return fmt.Errorf("it is bound to an earlier claim %s (uid %s); the claim of this name has the uid %s", key, ref.UID, c.Metadata.UID)
	case c.Spec.VolumeName != pv.Metadata.Name:
		return fmt.Errorf("the claim %s names another PersistentVolume, %q", key, c.Spec.VolumeName)
	case c.Metadata.DeletionTimestamp != "":
		return fmt.Errorf("its claim %s is being deleted", key)
	}
	return nil
}

const (
	policyRetain = "Retain"
	policyDelete = "Delete"
)

// policy returns the final reclaim policy. As before, only a provisioned volume with a claim may be deleted with that claim.
func (p *planner) policy(pv persistentVolume) (policy string, warnings []string) {
	is := pv.Spec.ReclaimPolicy
	switch {
	case is == policyRetain || is == "":
		return policyRetain, nil
	case kindOf(pv) == Static:
		return policyRetain, []string{fmt.Sprintf("its policy was %s, which the in-tree plugin never carried out for a volume that was made by hand; it becomes Retain", is)}
	case pv.Status.Phase != phaseBound:
		return policyRetain, []string{fmt.Sprintf("its policy was %s and its phase is %s: so that its data are not deleted by the migration, the policy becomes Retain",
			is, pv.Status.Phase)}
	case is != policyDelete:
		return policyRetain, []string{fmt.Sprintf("its policy was %s, which no CSI driver has; it becomes Retain", is)}
	}
	return policyDelete, nil
}

// dynamic returns the volume attributes of a provisioned volume, which the driver will manage.
func (p *planner) dynamic(pv persistentVolume, v *VolumePlan) (map[string]string, error) {
	c, proofs, err := proveDynamic(pv, v.Source, p.Inventories)
	if err != nil {
		return nil, err
	}
	found := c.volume()
	v.Proofs = proofs
	v.Heketi = &HeketiVolume{Backend: c.inventory.Backend, ID: c.id, Name: found.Name, SizeGiB: found.SizeGiB, Cluster: found.Cluster, GID: found.GID}
	handle := volume.Handle{Backend: c.inventory.Backend, ID: c.id, Adopted: true}
	v.Handle = handle.String()
	for _, used := range []volume.Handle{handle, {Backend: handle.Backend, ID: handle.ID}} {
		if other := p.handles[used.String()]; other != "" {
			return nil, fmt.Errorf("PersistentVolume %s of driver %s stands for this volume already (%s)", other, p.Driver, used)
		}
	}
	gid, err := p.gid(pv, found.GID, v)
	if err != nil {
		return nil, err
	}
	if len(v.Source.Servers) == 0 {
		v.Warnings = append(v.Warnings, fmt.Sprintf("its Endpoints %s have no address; the servers are those that Heketi names", cmp.Or(v.Source.Endpoints, "(none)")))
	}
	if c.inventory.NoAdopt {
		v.Warnings = append(v.Warnings, noAdoptWarning(handle.Backend))
	}
	servers, err := checkServers(c.inventory.Dump.Hosts(found.Cluster))
	if err != nil {
		return nil, err
	}
	return volume.Volume{Handle: handle, Name: found.Name, Servers: servers, Cluster: found.Cluster, GID: gid}.Context(), nil
}

// noAdoptWarning returns the warning for a volume that the driver did not make, in a backend with adopt: false.
func noAdoptWarning(backend string) string {
	return fmt.Sprintf("backend %q has adopt: false in the configuration: the driver mounts the volume, and refuses to expand or delete it, so that its "+
		"PersistentVolume becomes Failed if its claim is deleted under the policy Delete; set adopt: true there to allow both", backend)
}

// gid returns the group that pods get: as before, the one in the annotation.
func (p *planner) gid(pv persistentVolume, recorded int64, v *VolumePlan) (int64, error) {
	text := pv.Metadata.Annotations[annotationGID]
	if text == "" {
		if recorded != 0 {
			v.Warnings = append(v.Warnings, fmt.Sprintf("it has no annotation %s, and its group in Heketi is %d: pods get this group now", annotationGID, recorded))
		}
		return recorded, nil
	}
	gid, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || gid < 0:
		return 0, fmt.Errorf("the annotation %s is %q, and must be a group id", annotationGID, text)
	case gid != recorded:
		v.Warnings = append(v.Warnings, fmt.Sprintf("its annotation gives pods the group %d, as before, and its group in Heketi is %d: can pods write to it?", gid, recorded))
	}
	return gid, nil
}

// static returns the volume attributes of a volume that was made by hand, which the driver only mounts.
func (p *planner) static(pv persistentVolume, v *VolumePlan) (map[string]string, error) {
	proof, err := proveStatic(v.Source, p.Inventories, p.VolumeInfo)
	if err != nil {
		return nil, err
	}
	v.Proofs, v.ProvenBy = proof.texts, &proof.by
	if len(v.Source.Servers) == 0 {
		v.Warnings = append(v.Warnings, fmt.Sprintf("its Endpoints %s have no address; the servers are those of the proof", cmp.Or(v.Source.Endpoints, "(none)")))
	}
	v.Handle = staticHandle(pv.Metadata.Name)
	path := v.Source.Volume
	if v.Source.Directory != "" {
		path += "/" + v.Source.Directory
	}
	return map[string]string{volume.ContextVolume: path, volume.ContextServers: strings.Join(proof.servers, ",")}, nil
}

// longestHandle is CSI's limit for a volume_id in bytes (spec.md, "Size Limits").
const longestHandle = 128

// staticHandle returns the PersistentVolume's name, which is unique. The end of a name that is too long is replaced by a digest. A
// name has no slash, so it is never the handle of a provisioned volume.
func staticHandle(name string) string {
	if len(name) <= longestHandle {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digest := hex.EncodeToString(sum[:16])
	return name[:longestHandle-len(digest)-1] + "-" + digest
}

func accessWarnings(pv persistentVolume) []string {
	if modes := pv.Spec.AccessModes; len(modes) > 1 && modes[0] == "ReadOnlyMany" {
		return []string{"its first access mode is ReadOnlyMany: the kubelet passes only the first one to a CSI driver, so that pods can only read; " +
			"write ReadWriteMany first in spec.accessModes of the replacement if pods should write"}
	}
	return nil
}

func ownerWarnings(pv persistentVolume) []string {
	owners := make([]string, 0, len(pv.Metadata.OwnerReferences))
	for _, o := range pv.Metadata.OwnerReferences {
		owners = append(owners, o.Kind+" "+o.Name)
	}
	if len(owners) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("its owners (%s) are left out, also by a rollback: it is no longer deleted with them", strings.Join(owners, ", "))}
}

// fsGroupWarnings returns the warning for a volume whose pods have an fsGroup.
func fsGroupWarnings(pods []string) []string {
	if len(pods) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("pods have an fsGroup, which the in-tree plugin ignored (%s): unless the chart's value fsGroupPolicy is None, the kubelet gives all files "+
		"of the volume this group, and a rollback does not undo that", strings.Join(slices.Sorted(slices.Values(pods)), ", "))}
}

// replacement returns the PersistentVolume that replaces pv. It keeps everything that is not specific to the in-tree plugin.
func replacement(v *VolumePlan, pv persistentVolume, driver string, attributes map[string]string, options []string, policy string) map[string]any {
	made := &unstructured.Unstructured{Object: map[string]any{}}
	old := unstructured.Unstructured{Object: v.Backup}
	made.SetAPIVersion("v1")
	made.SetKind("PersistentVolume")
	made.SetName(pv.Metadata.Name)
	made.SetLabels(pv.Metadata.Labels)
	annotations := annotationsWithout(pv.Metadata.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationMigratedFrom] = inTree
	if v.Kind == Dynamic {
		annotations[annotationProvisionedBy] = driver
	}
	made.SetAnnotations(annotations)
	spec, _, _ := unstructured.NestedMap(old.Object, "spec")
	delete(spec, "glusterfs")
	delete(spec, "mountOptions")
	spec["csi"] = map[string]any{"driver": driver, "volumeHandle": v.Handle, "volumeAttributes": toAny(attributes)}
	if len(options) > 0 {
		spec["mountOptions"] = anyList(options)
	}
	spec["persistentVolumeReclaimPolicy"] = policy
	unstructured.RemoveNestedField(spec, "claimRef", "resourceVersion")
	made.Object["spec"] = spec
	return made.Object
}

// AnnotationMigratedFrom is set on every object that a migration creates.
const AnnotationMigratedFrom = "glusterfs.csi.gluster.org/migrated-from"

func toAny(m map[string]string) map[string]any {
	converted := make(map[string]any, len(m))
	for k, v := range m {
		converted[k] = v
	}
	return converted
}

func anyList(list []string) []any {
	converted := make([]any, 0, len(list))
	for _, s := range list {
		converted = append(converted, s)
	}
	return converted
}
