package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// PersistentVolume is what is needed of one.
type PersistentVolume struct {
	Name     string
	Phase    string
	Claim    string // namespace/name of its PersistentVolumeClaim, "" if it has none
	Deleting bool
	Driver   string            // of CSI; "" if the volume is of another kind
	Handle   string            // CSI's volumeHandle
	Context  map[string]string // CSI's volumeAttributes
	Gluster  string            // path of the in-tree plugin: a gluster volume's name
}

const (
	pageSize  = 500 // as kubectl's; a page is one to two megabytes
	mostTries = 3   // of a list that expires between two pages
)

// PersistentVolumes lists all there are, or fails. Whoever compares the list with something else must not take what is
// missing in a part of it for absent.
func (c *Client) PersistentVolumes(ctx context.Context) ([]PersistentVolume, error) {
	for try := 1; ; try++ {
		all, err := c.listPersistentVolumes(ctx)
		switch {
		case err == nil:
			return all, nil
		case apierrors.IsResourceExpired(err) && try < mostTries:
			// The server has forgotten the state that the first pages showed, which it keeps for some minutes. It would go
			// on with the present one, in which volumes may be missing that were made in between: begin again.
		default:
			return nil, err
		}
	}
}

func (c *Client) listPersistentVolumes(ctx context.Context) ([]PersistentVolume, error) {
	var all []PersistentVolume
	options := metav1.ListOptions{Limit: pageSize}
	for {
		page, err := c.persistentVolumePage(ctx, options)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			pv, err := newPersistentVolume(item)
			if err != nil {
				return nil, err
			}
			all = append(all, pv)
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

func (c *Client) persistentVolumePage(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	page, err := c.resource("", "persistentvolumes", "list persistentvolumes").list(ctx, options)
	if err == nil && page.GetKind() != "PersistentVolumeList" {
		// client-go takes that for an empty list.
		err = fmt.Errorf("API server %s: its answer is of kind %q, and not a list of PersistentVolumes", c.host, page.GetKind())
	}
	return page, err
}

// pvObject is the part of a PersistentVolume that is read.
type pvObject struct {
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

func newPersistentVolume(item unstructured.Unstructured) (PersistentVolume, error) {
	var o pvObject
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &o); err != nil {
		return PersistentVolume{}, fmt.Errorf("PersistentVolume %s: %w", item.GetName(), err)
	}
	pv := PersistentVolume{
		Name: item.GetName(), Phase: o.Status.Phase, Deleting: item.GetDeletionTimestamp() != nil,
		Driver: o.Spec.CSI.Driver, Handle: o.Spec.CSI.VolumeHandle, Context: o.Spec.CSI.VolumeAttributes, Gluster: o.Spec.GlusterFS.Path,
	}
	if claim := o.Spec.ClaimRef; claim != nil {
		pv.Claim = claim.Namespace + "/" + claim.Name
	}
	return pv, nil
}
