package migrate

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Objects holds the API objects that a plan is made from, as the API server returned them.
type Objects struct {
	Volumes   []unstructured.Unstructured // PersistentVolumes of every kind
	Claims    []unstructured.Unstructured
	Classes   []unstructured.Unstructured
	Endpoints []unstructured.Unstructured
	Services  []unstructured.Unstructured
	Pods      []unstructured.Unstructured
	Cluster   string // see Plan.Cluster
}

// The fields of the API's objects that are read. All other fields are kept as they are.
type (
	metadata struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		UID               string            `json:"uid"`
		Annotations       map[string]string `json:"annotations"`
		Labels            map[string]string `json:"labels"`
		Finalizers        []string          `json:"finalizers"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
		OwnerReferences   []owner           `json:"ownerReferences"`
	}
	owner struct {
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Controller bool   `json:"controller"`
	}
	reference struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		UID       string `json:"uid"`
	}
	persistentVolume struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			Capacity      map[string]any `json:"capacity"`
			AccessModes   []string       `json:"accessModes"`
			ClaimRef      *reference     `json:"claimRef"`
			ReclaimPolicy string         `json:"persistentVolumeReclaimPolicy"`
			ClassName     string         `json:"storageClassName"`
			MountOptions  []string       `json:"mountOptions"`
			VolumeMode    string         `json:"volumeMode"`
			GlusterFS     *inTreeSource  `json:"glusterfs"`
			CSI           *csiSource     `json:"csi"`
		} `json:"spec"`
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
	inTreeSource struct {
		Endpoints string  `json:"endpoints"`
		Namespace *string `json:"endpointsNamespace"`
		Path      string  `json:"path"`
		ReadOnly  bool    `json:"readOnly"`
	}
	csiSource struct {
		Driver       string            `json:"driver"`
		VolumeHandle string            `json:"volumeHandle"`
		Attributes   map[string]string `json:"volumeAttributes"`
	}
	claim struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			VolumeName string `json:"volumeName"`
		} `json:"spec"`
		Status struct {
			Phase string `json:"phase"`
		} `json:"status"`
	}
	storageClass struct {
		Metadata          metadata          `json:"metadata"`
		Provisioner       string            `json:"provisioner"`
		Parameters        map[string]string `json:"parameters"`
		MountOptions      []string          `json:"mountOptions"`
		AllowedTopologies []any             `json:"allowedTopologies"`
	}
	endpoints struct {
		Metadata metadata `json:"metadata"`
		Subsets  []struct {
			Addresses         []address `json:"addresses"`
			NotReadyAddresses []address `json:"notReadyAddresses"`
		} `json:"subsets"`
	}
	address struct {
		IP string `json:"ip"`
	}
	service struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			Selector map[string]string `json:"selector"`
		} `json:"spec"`
	}
	pod struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			NodeName        string      `json:"nodeName"`
			Volumes         []podVolume `json:"volumes"`
			SecurityContext struct {
				FSGroup *int64 `json:"fsGroup"`
			} `json:"securityContext"`
		} `json:"spec"`
		Status struct {
			Phase      string            `json:"phase"`
			Conditions []podCondition    `json:"conditions"`
			Init       []containerStatus `json:"initContainerStatuses"`
			Containers []containerStatus `json:"containerStatuses"`
		} `json:"status"`
	}
	podCondition struct {
		Type   string `json:"type"`
		Status string `json:"status"`
	}
	containerStatus struct {
		State struct {
			Running    map[string]any `json:"running"`
			Terminated map[string]any `json:"terminated"`
			Waiting    *struct {
				Reason string `json:"reason"`
			} `json:"waiting"`
		} `json:"state"`
	}
	podVolume struct {
		Name  string `json:"name"`
		Claim *struct {
			Name string `json:"claimName"`
		} `json:"persistentVolumeClaim"`
		Ephemeral map[string]any `json:"ephemeral"`
		GlusterFS *inTreeSource  `json:"glusterfs"`
	}
)

// read decodes the fields of an object that this package uses. It fails for an object whose fields have the wrong types; such an
// object can only come from a file.
func read[T any](object unstructured.Unstructured) (T, error) {
	var view T
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &view)
	if err != nil {
		return view, fmt.Errorf("%s %q: %w", object.GetKind(), object.GetName(), err)
	}
	return view, nil
}

// key returns namespace/name, or only the name of an object without a namespace.
func (m metadata) key() string {
	if m.Namespace == "" {
		return m.Name
	}
	return m.Namespace + "/" + m.Name
}
