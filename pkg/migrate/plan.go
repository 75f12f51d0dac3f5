package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Version is the version of plan files.
const Version = 1

// Plan holds a decision about every object of the in-tree plugin in a cluster, for an administrator to review.
type Plan struct {
	Version int `json:"version"`
	// ID is a digest of the plan as NewPlan made it. It does not change when the plan is edited. The plan's journal contains the
	// ID. So does an annotation of each owner that the migration scaled to 0.
	ID string `json:"id"`
	// Cluster identifies the Kubernetes cluster that the plan was made for: it is the uid of the namespace kube-system.
	Cluster string `json:"cluster"`
	// Driver is the name of the CSI driver that takes over the volumes.
	Driver    string          `json:"driver"`
	Summary   Summary         `json:"summary"`
	Volumes   []VolumePlan    `json:"volumes,omitempty"`
	Classes   []ClassPlan     `json:"classes,omitempty"`
	Endpoints []EndpointsPlan `json:"endpoints,omitempty"`
	// Notes name what a plan cannot migrate, such as pods that use a gluster volume without a PersistentVolume.
	Notes []string `json:"notes,omitempty"`
}

// Summary counts the decisions of a plan.
type Summary struct {
	Migrate  int `json:"migrate"`  // PersistentVolumes
	Refuse   int `json:"refuse"`   // PersistentVolumes
	Warnings int `json:"warnings"` // of PersistentVolumes that are migrated
}

// Action is a plan's decision about an object.
type Action string

// The values of Action.
const (
	Migrate Action = "migrate"
	Refuse  Action = "refuse"
)

// VolumePlan holds the decision about one PersistentVolume, with its reasons.
type VolumePlan struct {
	Name   string `json:"name"`
	Claim  string `json:"claim,omitempty"` // namespace/name
	Phase  string `json:"phase,omitempty"` // the PersistentVolume's phase when the plan was made
	Action Action `json:"action"`
	// Reason is the reason for a refusal, and what to do about it.
	Reason string `json:"reason,omitempty"`
	// Kind is how the in-tree volume was made: by its provisioner, or by hand.
	Kind   Kind     `json:"kind"`
	Source Source   `json:"source"`
	Handle string   `json:"volumeHandle,omitempty"`
	Proofs []string `json:"proofs,omitempty"`
	// Warnings are changes that pods or administrators may notice.
	Warnings []string `json:"warnings,omitempty"`
	// Pods are the pods that use the claim: namespace/name, and their owner.
	Pods []string `json:"pods,omitempty"`
	// Heketi is the proven record of a dynamic volume; apply compares it again.
	Heketi *HeketiVolume `json:"heketi,omitempty"`
	// ProvenBy names the records that prove that a static volume exists; apply checks the same records again.
	ProvenBy *Evidence `json:"provenBy,omitempty"`
	// Replacement is the PersistentVolume that replaces Backup, with its final policy.
	Replacement map[string]any `json:"replacement,omitempty"`
	// Backup is the in-tree plugin's PersistentVolume.
	Backup map[string]any `json:"backup"`
}

// Kind is how an in-tree volume was made.
type Kind string

// The values of Kind.
const (
	Dynamic Kind = "dynamic" // by the provisioner kubernetes.io/glusterfs
	Static  Kind = "static"  // by hand
)

// Source names the gluster volume and the servers of an in-tree PersistentVolume.
type Source struct {
	Volume    string   `json:"volume"` // the gluster volume
	Directory string   `json:"directory,omitempty"`
	ReadOnly  bool     `json:"readOnly,omitempty"`
	Endpoints string   `json:"endpoints,omitempty"` // namespace/name
	Servers   []string `json:"servers,omitempty"`   // the addresses in these Endpoints
	HeketiID  string   `json:"heketiID,omitempty"`  // from the annotation, or from the gluster volume's name
}

// Evidence names the records that list a volume that was made by hand.
type Evidence struct {
	Backends   []string `json:"backends,omitempty"`   // the backends whose Heketi lists the volume
	VolumeInfo bool     `json:"volumeInfo,omitempty"` // the output of gluster volume info lists the volume
}

// HeketiVolume is a volume as Heketi records it.
type HeketiVolume struct {
	Backend string `json:"backend"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	SizeGiB int    `json:"sizeGiB"`
	Cluster string `json:"cluster"`
	GID     int64  `json:"gid,omitempty"`
}

// ClassPlan holds the decision about one StorageClass.
type ClassPlan struct {
	Name        string         `json:"name"`
	Action      Action         `json:"action"`
	Reason      string         `json:"reason,omitempty"`
	Warnings    []string       `json:"warnings,omitempty"`
	Replacement map[string]any `json:"replacement,omitempty"`
	Backup      map[string]any `json:"backup"`
}

// EndpointsPlan names Endpoints of the in-tree plugin and the Service of the same name. Both can be removed once no
// PersistentVolume refers to them.
type EndpointsPlan struct {
	Name    string           `json:"name"` // namespace/name
	Volumes []string         `json:"volumes,omitempty"`
	Backup  []map[string]any `json:"backup"`
}

// Decode reads a plan. Its error names the field that is wrong.
func Decode(content []byte) (Plan, error) {
	var p Plan
	if len(bytes.TrimSpace(content)) == 0 {
		return Plan{}, errors.New("the file is empty; write a plan with glusterfs-csi migrate plan")
	}
	if err := yaml.UnmarshalStrict(content, &p); err != nil {
		return Plan{}, fmt.Errorf("this is no plan of glusterfs-csi migrate: %w", err)
	}
	return p, p.check()
}

func (p Plan) check() error {
	if p.Version != Version {
		return fmt.Errorf("version %d: this program reads plans of version %d only; make a new plan with it", p.Version, Version)
	}
	if p.ID == "" || p.Cluster == "" {
		return errors.New("id or cluster is empty: both must be as migrate plan has written them")
	}
	if p.Driver == "" {
		return errors.New("driver is empty: it must be the name of the CSI driver that the volumes go to")
	}
	seen := map[string]bool{}
	for i, v := range p.Volumes {
		if err := v.check(p.Driver); err != nil {
			return fmt.Errorf("volumes[%d] (%s): %w", i, v.Name, err)
		}
		if seen[v.Name] {
			return fmt.Errorf("volumes[%d] (%s): the plan has this PersistentVolume twice", i, v.Name)
		}
		seen[v.Name] = true
	}
	for i, c := range p.Classes {
		if err := checkAction(c.Action, c.Name, c.Backup, c.Replacement); err != nil {
			return fmt.Errorf("classes[%d] (%s): %w", i, c.Name, err)
		}
	}
	return nil
}

// check returns an error if the entry demands something that no plan may do. An administrator may have edited the entry.
func (v VolumePlan) check(driver string) error {
	if v.Kind != Dynamic && v.Kind != Static {
		return fmt.Errorf("kind %q: must be %s or %s", v.Kind, Dynamic, Static)
	}
	if err := checkAction(v.Action, v.Name, v.Backup, v.Replacement); err != nil || v.Action != Migrate {
		return err
	}
	return v.checkObjects(driver)
}

func (v VolumePlan) checkObjects(driver string) error {
	was, err := read[persistentVolume](unstructured.Unstructured{Object: v.Backup})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	is, err := read[persistentVolume](unstructured.Unstructured{Object: v.Replacement})
	if err != nil {
		return fmt.Errorf("replacement: %w", err)
	}
	switch {
	case was.Spec.GlusterFS == nil:
		return errors.New("backup.spec.glusterfs is missing")
	case is.Spec.CSI == nil || is.Spec.CSI.Driver != driver:
		return fmt.Errorf("replacement.spec.csi.driver: must be the plan's driver, %s", driver)
	case !reflect.DeepEqual(was.Spec.ClaimRef, is.Spec.ClaimRef):
		return errors.New("replacement.spec.claimRef: must be that of the backup")
	case v.Kind != kindOf(was):
		return fmt.Errorf("kind %q: the backup is %s", v.Kind, kindOf(was))
	case v.Kind == Static && (is.Spec.ReclaimPolicy != policyRetain || strings.Contains(is.Spec.CSI.VolumeHandle, "/")):
		return errors.New("replacement: a volume that was made by hand keeps the policy Retain, and a handle without a slash")
	}
	if err := v.checkSource(was, is); err != nil {
		return err
	}
	return v.checkProof(is.Spec.CSI.VolumeHandle)
}

// checkSource returns an error if the replacement's volume differs from the backup's.
func (v VolumePlan) checkSource(was, is persistentVolume) error {
	source, err := sourceOf(was, nil)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	path := strings.TrimSuffix(source.Volume+"/"+source.Directory, "/")
	switch named := is.Spec.CSI.Attributes[volume.ContextVolume]; {
	case v.Source.Volume != source.Volume || v.Source.Directory != source.Directory:
		return fmt.Errorf("source: must be that of the backup, %s", path)
	case named != path:
		return fmt.Errorf("replacement.spec.csi.volumeAttributes.%s %q: must be that of the backup, %q", volume.ContextVolume, named, path)
	case v.Kind == Dynamic && v.Heketi != nil && v.Heketi.Name != source.Volume:
		return fmt.Errorf("heketi.name %q: must be the volume of the backup, %q", v.Heketi.Name, source.Volume)
	}
	return nil
}

func (v VolumePlan) checkProof(handle string) error {
	switch {
	case v.Kind == Static && (v.ProvenBy == nil || len(v.ProvenBy.Backends) == 0 && !v.ProvenBy.VolumeInfo):
		return errors.New("provenBy is empty: it must name what proves the volume, so that apply can prove it again")
	case v.Kind == Dynamic && (v.Heketi == nil || handle != volume.Handle{Backend: v.Heketi.Backend, ID: v.Heketi.ID, Adopted: true}.String()):
		return errors.New("replacement.spec.csi.volumeHandle: must be that of the volume in heketi")
	}
	return nil
}

func checkAction(action Action, name string, backup, replacement map[string]any) error {
	switch action {
	case Refuse:
		return nil
	case Migrate:
	default:
		return fmt.Errorf("action %q: must be %s or %s", action, Migrate, Refuse)
	}
	if name == "" {
		return errors.New("name is empty")
	}
	if found := nameOf(backup); found != name {
		return fmt.Errorf("backup.metadata.name %q: must be the name %q", found, name)
	}
	if found := nameOf(replacement); found != name {
		return fmt.Errorf("replacement.metadata.name %q: must be the name %q", found, name)
	}
	return nil
}

func nameOf(object map[string]any) string {
	name, _, _ := unstructured.NestedString(object, "metadata", "name")
	return name
}
