package kube

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
)

// NotReadySuffix follows the driver's name and a slash in the key of the taint that keeps pods away from a node until the driver
// can mount there.
const NotReadySuffix = "agent-not-ready"

const taintVerbs = "get csinodes.storage.k8s.io, get and patch nodes"

// RemoveNotReadyTaint removes the taint <driver>/agent-not-ready, with any effect, from the node as soon as the node's CSINode
// object lists the driver. Until then, the scheduler may treat the node as a node without the driver. RemoveNotReadyTaint retries
// with growing pauses until it has succeeded or ctx is done, and logs the cause of a failure whenever the cause changes. A taint
// that is added later stays, and this function adds none.
func (c *Client) RemoveNotReadyTaint(ctx context.Context, driver, node string) {
	c.removeNotReadyTaint(ctx, driver, node, wait.Backoff{Duration: time.Second, Factor: 2, Steps: 10, Cap: time.Minute})
}

func (c *Client) removeNotReadyTaint(ctx context.Context, driver, node string, retry wait.Backoff) {
	logger := klog.FromContext(ctx).WithValues("node", node, "taint", driver+"/"+NotReadySuffix)
	var said logging.LastText
	for {
		removed, err := c.tryRemoveTaint(ctx, driver, node)
		switch {
		case err == nil:
			if removed {
				logger.Info("Removed the taint: the node is ready")
			} else {
				logger.V(4).Info("The node does not have the taint")
			}
			return
		case ctx.Err() != nil:
			return
		case said.IsNewError(err):
			logger.Error(err, "The taint cannot be removed yet; trying again")
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry.Step()):
		}
	}
}

// tryRemoveTaint reports whether the node had the taint. It writes back the taints that it read, and fails if they were changed
// in between.
func (c *Client) tryRemoveTaint(ctx context.Context, driver, node string) (bool, error) {
	csiNode, err := c.resource("storage.k8s.io", "csinodes", taintVerbs).get(ctx, node)
	if err != nil {
		return false, err
	}
	if !listsDriver(csiNode, driver) {
		return false, errors.New("the CSINode object does not list the driver yet")
	}
	nodes := c.resource("", "nodes", taintVerbs)
	object, err := nodes.get(ctx, node)
	if err != nil {
		return false, err
	}
	taints, _, err := unstructured.NestedSlice(object.Object, "spec", "taints")
	if err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(slices.Clone(taints), func(taint any) bool {
		fields, _ := taint.(map[string]any)
		return fields["key"] == driver+"/"+NotReadySuffix
	})
	if len(kept) == len(taints) {
		return false, nil
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/spec/taints", "value": taints},
		{"op": "replace", "path": "/spec/taints", "value": kept},
	})
	if err != nil {
		return false, err
	}
	return true, nodes.patch(ctx, node, types.JSONPatchType, patch)
}

func listsDriver(csiNode *unstructured.Unstructured, driver string) bool {
	drivers, _, _ := unstructured.NestedSlice(csiNode.Object, "spec", "drivers")
	return slices.ContainsFunc(drivers, func(entry any) bool {
		fields, _ := entry.(map[string]any)
		return fields["name"] == driver
	})
}
