package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// sharer is a PersistentVolume of a gluster volume. deletes reports whether the driver deletes the gluster volume when the claim
// is deleted.
type sharer struct {
	name    string
	deletes bool
}

// warnOfSharers adds warnings to the PersistentVolumes that share a gluster volume, if the deletion of one of their claims deletes
// the gluster volume. Sharing alone is common: several namespaces use one gluster volume in this way. Only the names of the gluster
// volumes are compared, so a warning may be about two volumes of the same name in different gluster clusters.
func (p *planner) warnOfSharers(volumes []VolumePlan) error {
	sharers := map[string][]sharer{} // by gluster volume
	add := func(glusterVolume, name string, deletes bool) {
		if glusterVolume != "" {
			sharers[glusterVolume] = append(sharers[glusterVolume], sharer{name, deletes})
		}
	}
	for _, v := range volumes {
		add(v.Source.Volume, v.Name, v.Action == Migrate && policyOf(v.Replacement) == policyDelete)
	}
	for _, object := range p.Objects.Volumes {
		pv, err := read[persistentVolume](object)
		if err != nil {
			return err
		}
		if csi := pv.Spec.CSI; csi != nil && csi.Driver == p.Driver {
			name, _, _ := strings.Cut(csi.Attributes[volume.ContextVolume], "/")
			managed := strings.Contains(csi.VolumeHandle, "/") // otherwise the driver only mounts the volume
			add(name, pv.Metadata.Name, managed && pv.Spec.ReclaimPolicy == policyDelete)
		}
	}
	for i, v := range volumes {
		all := sharers[v.Source.Volume]
		if v.Action == Migrate && len(all) > 1 {
			volumes[i].Warnings = slices.Concat(v.Warnings, sharerWarnings(v, all))
		}
	}
	return nil
}

// sharerWarnings returns the warnings for the PersistentVolume v. The argument all holds the PersistentVolumes of the gluster
// volume, including v.
func sharerWarnings(v VolumePlan, all []sharer) (warnings []string) {
	slices.SortFunc(all, func(a, b sharer) int { return strings.Compare(a.name, b.name) })
	others := make([]string, 0, len(all))
	for _, s := range all {
		switch {
		case s.name == v.Name:
			continue
		case s.deletes:
			warnings = append(warnings, fmt.Sprintf("PersistentVolume %s also uses a gluster volume named %s, and has the policy %s. If both use the same volume, "+
				"deleting the claim of that PersistentVolume deletes the volume; set the policy Retain there", s.name, v.Source.Volume, policyDelete))
		}
		others = append(others, s.name)
	}
	if policyOf(v.Replacement) == policyDelete {
		warnings = append(warnings, fmt.Sprintf("other PersistentVolumes also use a gluster volume named %s: %s. If they use the same volume as this one, "+
			"deleting the claim of this PersistentVolume deletes the volume; set the policy Retain here", v.Source.Volume, strings.Join(others, ", ")))
	}
	return warnings
}
