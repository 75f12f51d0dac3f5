package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// plugin is the pod of the node plugin on a node.
type plugin struct {
	Metadata struct {
		Name              string  `json:"name"`
		UID               string  `json:"uid"`
		DeletionTimestamp *string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		ContainerStatuses []struct {
			Name         string `json:"name"`
			Ready        bool   `json:"ready"`
			RestartCount int    `json:"restartCount"`
			LastState    struct {
				Terminated struct {
					Reason string `json:"reason"`
				} `json:"terminated"`
			} `json:"lastState"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

func (p plugin) ready() bool {
	for _, c := range p.Status.ContainerStatuses {
		if !c.Ready {
			return false
		}
	}
	return p.Metadata.DeletionTimestamp == nil && len(p.Status.ContainerStatuses) > 0
}

// restarts returns how often the driver's container was restarted, and why its last run ended.
func (p plugin) restarts() (int, string) {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == "glusterfs-csi" {
			return c.RestartCount, c.LastState.Terminated.Reason
		}
	}
	return 0, ""
}

// pluginOn returns the node plugin of a node. There is one, or a terminating one and its successor.
func (r *Rig) pluginOn(ctx context.Context, node string) (plugin, error) {
	out, err := r.cluster.Kubectl(ctx, "get", "pods", "--namespace="+driver.Namespace, "--selector=app.kubernetes.io/component=node",
		"--field-selector=spec.nodeName="+node, "-o", "json")
	if err != nil {
		return plugin{}, err
	}
	var list struct {
		Items []plugin `json:"items"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return plugin{}, err
	}
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp == nil {
			return p, nil
		}
	}
	return plugin{}, fmt.Errorf("there is no node plugin on %s", node)
}

// another waits until a node has a ready node plugin other than the given one.
func (r *Rig) another(ctx context.Context, node string, old plugin) error {
	return eventually(ctx, 5*time.Minute, func() error {
		now, err := r.pluginOn(ctx, node)
		if err == nil && (now.Metadata.UID == old.Metadata.UID || !now.ready()) {
			err = fmt.Errorf("the node plugin of %s is %s, ready: %t; it was %s", node, now.Metadata.Name, now.ready(), old.Metadata.Name)
		}
		return err
	})
}

// restarted waits until the driver's container on a node was restarted and is ready.
func (r *Rig) restarted(ctx context.Context, node string, old plugin, reason string) error {
	before, _ := old.restarts()
	return eventually(ctx, 5*time.Minute, func() error {
		now, err := r.pluginOn(ctx, node)
		if count, why := now.restarts(); err == nil && (count == before || !now.ready() || !strings.HasPrefix(why, reason)) {
			err = fmt.Errorf("node plugin %s was restarted %d times, and is now at %d, ready: %t; its last end: %s, want %s",
				now.Metadata.Name, before, count, now.ready(), why, reason)
		}
		return err
	})
}

// replace removes the node plugin of a node in the given way and waits for the next one.
func (r *Rig) replace(ctx context.Context, node string, remove func(name string) error) error {
	old, err := r.pluginOn(ctx, node)
	if err == nil {
		err = remove(old.Metadata.Name)
	}
	if err == nil {
		err = r.another(ctx, node, old)
	}
	return err
}

func (r *Rig) deletePlugin(ctx context.Context, node string) error {
	return r.replace(ctx, node, func(name string) error {
		_, err := r.cluster.Kubectl(ctx, "delete", "pod", name, "--namespace="+driver.Namespace, patience)
		return err
	})
}

// deleted repeatedly deletes the node plugin's pod on node1.
func deleted(times int) func(context.Context, *Rig) error {
	return repeated(times, func(ctx context.Context, r *Rig) error { return r.deletePlugin(ctx, "node1") })
}

func repeated(times int, do func(context.Context, *Rig) error) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		var err error
		for i := 0; i < times && err == nil && ctx.Err() == nil; i++ {
			err = do(ctx, r)
		}
		return err
	}
}

// evicted evicts the node plugins of both nodes through the Eviction API, as a drain does with pods that are not a DaemonSet's.
func evicted(ctx context.Context, r *Rig) error {
	for _, node := range r.cluster.Nodes() {
		err := r.replace(ctx, node.Name, func(name string) error {
			eviction := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, name, driver.Namespace)
			cmd := r.cluster.Command(ctx, "kubectl", "create", "--raw",
				"/api/v1/namespaces/"+driver.Namespace+"/pods/"+name+"/eviction", "-f", "-")
			cmd.Stdin = strings.NewReader(eviction)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("evict %s: %w: %s", name, err, out)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
