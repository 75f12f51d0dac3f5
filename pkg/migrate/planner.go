package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// Sources holds everything that a plan is made from.
type Sources struct {
	Objects     Objects
	Inventories []Inventory
	VolumeInfo  []GlusterVolume // gluster's own list, for volumes that no Heketi has
	Backends    BackendSelector
}

// BackendSelector finds the backend of a StorageClass; *heketi.Backends implements it.
type BackendSelector interface {
	Select(name, url string) (*heketi.Backend, error)
}

// Choices holds the administrator's decisions.
type Choices struct {
	Driver string // the name of the CSI driver
	// DropMountOptions names mount options that the driver refuses and that the replacement is to omit.
	DropMountOptions []string
}

// planner holds the lookup tables that are used while a plan is made.
type planner struct {
	Sources
	Choices
	claims    map[string]claim    // by namespace/name
	addresses map[string][]string // of Endpoints, by namespace/name
	podsOf    map[string][]string // pods by the claim that they use, namespace/name
	fsGroups  map[string][]string // the pods of podsOf that have an fsGroup, with the fsGroup
	handles   map[string]string   // names of the driver's PersistentVolumes, by volume handle
}

// NewPlan returns the plan. The same sources in any order give the same plan. It returns an error for an object with a field of
// the wrong type.
func NewPlan(sources Sources, choices Choices) (Plan, error) {
	p := &planner{
		Sources: sources, Choices: choices,
		claims: map[string]claim{}, addresses: map[string][]string{}, podsOf: map[string][]string{}, fsGroups: map[string][]string{},
		handles: map[string]string{},
	}
	plan := Plan{Version: Version, Driver: choices.Driver, Cluster: sources.Objects.Cluster}
	notes, err := p.index()
	if err != nil {
		return Plan{}, err
	}
	plan.Notes = notes
	if plan.Volumes, err = p.volumes(); err != nil {
		return Plan{}, err
	}
	if plan.Classes, err = p.classes(); err != nil {
		return Plan{}, err
	}
	if plan.Endpoints, err = p.endpoints(); err != nil {
		return Plan{}, err
	}
	for _, v := range plan.Volumes {
		if v.Action == Refuse {
			plan.Summary.Refuse++
			continue
		}
		plan.Summary.Migrate++
		plan.Summary.Warnings += len(v.Warnings)
	}
	plan.ID, err = plan.digest()
	return plan, err
}

// index fills the planner's tables. The notes are about pods that use a gluster volume without a PersistentVolume.
func (p *planner) index() (notes []string, err error) {
	for _, object := range p.Objects.Claims {
		c, err := read[claim](object)
		if err != nil {
			return nil, err
		}
		p.claims[c.Metadata.key()] = c
	}
	for _, object := range p.Objects.Endpoints {
		e, err := read[endpoints](object)
		if err != nil {
			return nil, err
		}
		p.addresses[e.Metadata.key()] = addressesOf(e)
	}
	for _, object := range p.Objects.Pods {
		found, err := p.indexPod(object)
		if err != nil {
			return nil, err
		}
		notes = append(notes, found...)
	}
	slices.Sort(notes)
	return notes, nil
}

func (p *planner) indexPod(object unstructured.Unstructured) (notes []string, err error) {
	each, err := read[pod](object)
	if err != nil {
		return nil, err
	}
	if each.Status.Phase == "Succeeded" || each.Status.Phase == "Failed" {
		return nil, nil
	}
	name := each.Metadata.key() + madeBy(each.Metadata)
	for _, v := range each.Spec.Volumes {
		if v.Claim != nil {
			key := each.Metadata.Namespace + "/" + v.Claim.Name
			p.podsOf[key] = append(p.podsOf[key], name)
			if group := each.Spec.SecurityContext.FSGroup; group != nil {
				p.fsGroups[key] = append(p.fsGroups[key], fmt.Sprintf("%s: %d", name, *group))
			}
		}
		if v.GlusterFS != nil {
			notes = append(notes, fmt.Sprintf("Pod %s uses gluster volume %s without a PersistentVolume (pod volume %s). Kubernetes 1.26 and later cannot mount it: "+
				"make a PersistentVolume and a claim with glusterfs-csi import, and name the claim in the pod", name, v.GlusterFS.Path, v.Name))
		}
	}
	return notes, nil
}

// madeBy describes an object's controller for people.
func madeBy(m metadata) string {
	for _, o := range m.OwnerReferences {
		if o.Controller {
			return fmt.Sprintf(" (%s %s)", o.Kind, o.Name)
		}
	}
	return ""
}

// volumes plans every PersistentVolume of the in-tree plugin.
func (p *planner) volumes() ([]VolumePlan, error) {
	var inTreeVolumes []VolumePlan
	views := map[string]persistentVolume{}
	for _, object := range p.Objects.Volumes {
		pv, err := read[persistentVolume](object)
		if err != nil {
			return nil, err
		}
		if pv.Spec.CSI != nil && pv.Spec.CSI.Driver == p.Driver {
			p.handles[pv.Spec.CSI.VolumeHandle] = pv.Metadata.Name
		}
		if pv.Spec.GlusterFS != nil {
			views[pv.Metadata.Name] = pv
			inTreeVolumes = append(inTreeVolumes, VolumePlan{Name: pv.Metadata.Name, Backup: backupOf(object)})
		}
	}
	slices.SortStableFunc(inTreeVolumes, func(a, b VolumePlan) int { return cmp.Compare(a.Name, b.Name) })
	for i := range inTreeVolumes {
		p.volume(views[inTreeVolumes[i].Name], &inTreeVolumes[i])
	}
	refuseSharers(inTreeVolumes)
	return inTreeVolumes, p.warnOfSharers(inTreeVolumes)
}

// refuseSharers refuses dynamic PersistentVolumes that stand for the same volume: deleting one would delete the volume of both.
func refuseSharers(volumes []VolumePlan) {
	names := map[string][]string{}
	for _, v := range volumes { // including those that are refused for another reason: one of them may be the rightful one
		if v.Kind == Dynamic {
			names[v.Source.Volume] = append(names[v.Source.Volume], v.Name)
		}
	}
	for i, v := range volumes {
		if sharers := names[v.Source.Volume]; v.Kind == Dynamic && v.Action == Migrate && len(sharers) > 1 {
			volumes[i] = v.refused("several PersistentVolumes that the provisioner made stand for gluster volume %s: %s; only one can be right",
				v.Source.Volume, strings.Join(sharers, ", "))
		}
	}
}

// refused returns the plan entry of a PersistentVolume that is not migrated.
func (v VolumePlan) refused(format string, args ...any) VolumePlan {
	v.Action, v.Reason = Refuse, fmt.Sprintf(format, args...)
	v.Replacement, v.Handle, v.Heketi, v.ProvenBy, v.Proofs, v.Warnings = nil, "", nil, nil, nil, nil
	return v
}

// backupOf returns the object without the fields that the API server manages, so that the same object always gives the same
// backup.
func backupOf(object unstructured.Unstructured) map[string]any {
	kept := object.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "selfLink"} {
		unstructured.RemoveNestedField(kept.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(kept.Object, "status")
	return kept.Object
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
