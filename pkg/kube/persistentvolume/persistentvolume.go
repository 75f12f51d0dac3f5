// Package persistentvolume decodes PersistentVolumes from the API server or from kubectl. It imports no client of the API server,
// so code that only compares PersistentVolumes does not depend on a client.
//
// ReadList reads the whole output of kubectl get pv -o json or -o yaml. It returns an error for all other input: if the list is
// empty, is larger than 256 MiB, cannot be parsed, is only a page of a longer list, or consists of several YAML documents, and if
// the input is a single object or has objects of another kind. Object.PV, and so ReadList, returns an error for an invalid name.
package persistentvolume

import (
	"fmt"
	"regexp"
)

// PV holds the fields of a PersistentVolume that the driver uses.
type PV struct {
	Name     string
	Phase    string
	Claim    string // namespace/name of its PersistentVolumeClaim, "" if it has none
	Deleting bool
	Driver   string            // of CSI; "" for another kind of volume
	Handle   string            // CSI's volumeHandle
	Context  map[string]string // CSI's volumeAttributes
	Gluster  string            // path of the in-tree plugin: a gluster volume's name
}

// String returns the PersistentVolume's name and its claim.
func (pv PV) String() string {
	text := "PersistentVolume " + pv.Name
	switch {
	case pv.Claim != "" && pv.Phase != "":
		text += " (" + pv.Phase + ", claim " + pv.Claim + ")"
	case pv.Phase != "":
		text += " (" + pv.Phase + ")"
	}
	return text
}

// Object holds the fields of the API's object that are decoded.
type Object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name              string `json:"name"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		ClaimRef *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"claimRef"`
		CSI struct {
			Driver           string            `json:"driver"`
			VolumeHandle     string            `json:"volumeHandle"`
			VolumeAttributes map[string]string `json:"volumeAttributes"`
		} `json:"csi"`
		GlusterFS struct {
			Path string `json:"path"`
		} `json:"glusterfs"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

var kubernetesName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// PV returns the fields as a PV. It returns an error if the name is not a valid Kubernetes name, because names are printed in
// shell commands. An invalid claim name is dropped.
func (o Object) PV() (PV, error) {
	if !kubernetesName.MatchString(o.Metadata.Name) {
		return PV{}, fmt.Errorf("%q is not a valid name of a PersistentVolume", o.Metadata.Name)
	}
	pv := PV{
		Name: o.Metadata.Name, Phase: o.Status.Phase, Deleting: o.Metadata.DeletionTimestamp != "",
		Driver: o.Spec.CSI.Driver, Handle: o.Spec.CSI.VolumeHandle, Context: o.Spec.CSI.VolumeAttributes,
		Gluster: o.Spec.GlusterFS.Path,
	}
	claim := o.Spec.ClaimRef
	if claim != nil && kubernetesName.MatchString(claim.Namespace) && kubernetesName.MatchString(claim.Name) {
		pv.Claim = claim.Namespace + "/" + claim.Name
	}
	return pv, nil
}
