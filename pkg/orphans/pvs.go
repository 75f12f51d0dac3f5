package orphans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// PV is what is needed of a PersistentVolume.
type PV struct {
	Name     string
	Phase    string
	Claim    string // namespace/name of its PersistentVolumeClaim, "" if it has none
	Deleting bool
	Driver   string            // of CSI; "" if the volume is of another kind
	Handle   string            // CSI's volumeHandle
	Context  map[string]string // CSI's volumeAttributes
	Gluster  string            // path of the in-tree plugin: a gluster volume's name
}

var kubernetesName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// largestList takes ten thousand PersistentVolumes.
const largestList = 256 << 20

// ReadPVs reads the output of kubectl get pv -o json or -o yaml. It refuses whatever may not be the whole list, because
// volumes whose PersistentVolume is missing in it would be taken for orphans.
func ReadPVs(r io.Reader) ([]PV, error) {
	raw, err := io.ReadAll(io.LimitReader(r, largestList+1))
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil, errors.New("it is empty; write the output of kubectl get pv -o json into it")
	case len(raw) > largestList:
		return nil, fmt.Errorf("it is larger than %d MiB", largestList>>20)
	case bytes.Contains(raw, []byte("\n---")) && raw[0] != '{':
		return nil, errors.New("it holds several YAML documents; write the output of one kubectl get pv into it")
	}
	var list pvList
	if raw[0] == '{' {
		err = json.Unmarshal(raw, &list)
	} else {
		err = yaml.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("it is neither the JSON nor the YAML of kubectl get pv: %w", err)
	}
	return list.pvs()
}

// pvList is a List of any of kubectl's kinds, or a single PersistentVolume.
type pvList struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []pvObject `json:"items"`
}

type pvObject struct {
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

func (l pvList) pvs() ([]PV, error) {
	switch {
	case l.Kind != "List" && l.Kind != "PersistentVolumeList":
		return nil, fmt.Errorf("it is of kind %q and not a list; write the output of kubectl get pv -o json, without names, into it", l.Kind)
	case l.Metadata.Continue != "":
		return nil, errors.New("it is only the first page of a list; kubectl get pv --chunk-size=0 writes all of it")
	}
	pvs := make([]PV, 0, len(l.Items))
	for _, item := range l.Items {
		if !kubernetesName.MatchString(item.Metadata.Name) { // it becomes part of commands
			return nil, fmt.Errorf("%q is no name of a PersistentVolume", item.Metadata.Name)
		}
		if l.Kind == "List" && item.Kind != "PersistentVolume" {
			return nil, fmt.Errorf("it holds a %s and not only PersistentVolumes; write the output of kubectl get pv -o json into it", item.Kind)
		}
		pv := PV{
			Name: item.Metadata.Name, Phase: item.Status.Phase, Deleting: item.Metadata.DeletionTimestamp != "",
			Driver: item.Spec.CSI.Driver, Handle: item.Spec.CSI.VolumeHandle, Context: item.Spec.CSI.VolumeAttributes,
			Gluster: item.Spec.GlusterFS.Path,
		}
		if claim := item.Spec.ClaimRef; claim != nil && kubernetesName.MatchString(claim.Namespace) && kubernetesName.MatchString(claim.Name) {
			pv.Claim = claim.Namespace + "/" + claim.Name
		}
		pvs = append(pvs, pv)
	}
	return pvs, nil
}

// String names the PersistentVolume and who uses it.
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

// glusterName is the gluster volume that it says it mounts.
func (pv PV) glusterName() string {
	if pv.Gluster != "" {
		return firstPart(pv.Gluster)
	}
	return firstPart(pv.Context[volume.ContextVolume])
}
