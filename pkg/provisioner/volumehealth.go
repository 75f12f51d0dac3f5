package provisioner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The reasons that are found only by asking the servers about a volume.
const (
	reasonStopped  = "VolumeStopped"
	reasonMissing  = "VolumeMissing"
	reasonGlusterd = "GlusterdDown"
)

// Health implements volume.Provisioner.
func (p *Provisioner) Health(ctx context.Context, handle volume.Handle, credentials volume.Credentials) (volume.Health, error) {
	client, err := p.client(handle, credentials)
	if err != nil {
		return volume.Health{}, err
	}
	found, err := client.Volume(ctx, handle.ID)
	if err != nil {
		return volume.Health{}, explainMissing(ctx, client, p.index(handle.Backend), handle, err)
	}
	examination, err := p.examination(ctx, handle.Backend, client, credentials)
	if err != nil {
		return volume.Health{}, err
	}
	if v, ok := examination.Database.Volumes[handle.ID]; !ok || v.Pending != "" {
		return volume.Health{Handle: handle}, nil // the volume is younger than the examination
	}
	conditions, err := assess(examination, found.Cluster, found.Name)
	if err != nil {
		return volume.Health{}, err
	}
	if missing(conditions) {
		if _, err := client.Volume(ctx, handle.ID); err != nil {
			return volume.Health{}, explainMissing(ctx, client, p.index(handle.Backend), handle, err)
		}
	}
	return volume.Health{Handle: handle, Conditions: conditions}, nil
}

// missing reports whether gluster does not have a volume that was in Heketi's records. Heketi reads its records before it queries
// gluster, so that the volume may have been deleted through Heketi in between: the caller has to look the volume up again.
func missing(conditions []volume.Condition) bool {
	return slices.ContainsFunc(conditions, func(c volume.Condition) bool { return c.Reason == reasonMissing })
}

// ListHealth implements volume.Provisioner. A backend or a cluster without a result fails the whole call, because callers regard
// a volume that is not in the list as healthy.
func (p *Provisioner) ListHealth(ctx context.Context, after string, limit int) (health []volume.Health, more bool, err error) {
	all, err := ofAll(ctx, p.backends.All(), p.healthOf)
	if err != nil {
		return nil, false, err
	}
	all = slices.DeleteFunc(all, func(h volume.Health) bool { return h.Handle.String() <= after })
	slices.SortStableFunc(all, func(a, b volume.Health) int { return strings.Compare(a.Handle.String(), b.Handle.String()) })
	if limit > 0 && len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

// healthOf returns the volumes of a backend that are not healthy. Heketi does not record which volumes were adopted, so foreign
// volumes are included, and each volume is listed under both handles that a PersistentVolume may have for it: callers ignore a
// handle that they do not know, but regard a volume as healthy if its handle is missing.
func (p *Provisioner) healthOf(ctx context.Context, backend *heketi.Backend) ([]volume.Health, error) {
	client, err := backend.Client(volume.Credentials{}) // the request's secrets are not used, because the list includes all backends
	if err != nil {
		return nil, err
	}
	examination, err := p.examination(ctx, backend.Name(), client, volume.Credentials{})
	if err != nil {
		return nil, err
	}
	var unwell []volume.Health
	for id, v := range examination.Database.Volumes {
		if v.Pending != "" || v.Block {
			continue
		}
		conditions, err := assess(examination, v.Cluster, v.Name)
		if err != nil {
			return nil, fmt.Errorf("backend %q: %w", backend.Name(), err)
		}
		if missing(conditions) {
			_, err := client.Volume(ctx, id)
			if errors.Is(err, volume.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if len(conditions) > 0 {
			handle := volume.Handle{Backend: backend.Name(), ID: id}
			unwell = append(unwell, volume.Health{Handle: handle, Conditions: conditions})
			handle.Adopted = true
			unwell = append(unwell, volume.Health{Handle: handle, Conditions: conditions})
		}
	}
	return unwell, nil
}

// assess returns the problems of a gluster volume. ErrUnavailable is returned when none of the cluster's nodes has answered
// Heketi: then Heketi's own network or key may be at fault, and nothing is known about the volume.
func assess(examination heketi.Examination, cluster, name string) ([]volume.Condition, error) {
	examined := examination.Clusters[cluster]
	if examined.Volumes == nil {
		return nil, fmt.Errorf("%w: glusterd has answered Heketi on none of the nodes of cluster %s (%s), so nothing is known about its volumes; "+
			"for a node's view, use NodeGetVolumeHealth", volume.ErrUnavailable, cluster, strings.Join(examination.Database.Hosts(cluster), ", "))
	}
	v, ok := examined.Volumes[name]
	switch {
	case !ok:
		return []volume.Condition{{Severity: volume.Inaccessible, Reason: reasonMissing, Message: fmt.Sprintf(
			"Heketi's records have the volume, but gluster no longer has %s: it was deleted without Heketi", name)}}, nil
	case !v.Started():
		return []volume.Condition{{Severity: volume.Inaccessible, Reason: reasonStopped, Message: fmt.Sprintf(
			"gluster volume %s is %s; start it with: gluster volume start %s", name, strings.ToLower(v.Status), name)}}, nil
	}
	return assessBricks(examination.Database, examined, name, v), nil
}

func assessBricks(database heketi.Dump, cluster heketi.ExaminedCluster, name string, v heketi.GlusterVolume) []volume.Condition {
	nodes := map[string]heketi.ExaminedNode{} // by host
	for id, node := range cluster.Nodes {
		nodes[database.Nodes[id].Host] = node
	}
	var down []string
	mute := map[string]bool{}
	severity := volume.Degraded
	for set := range slices.Chunk(v.Bricks, v.Set) {
		left := len(set)
		for _, brick := range set {
			host, path := splitBrick(brick)
			node, known := nodes[host]
			if !known {
				continue
			}
			mounted, told := node.BrickMounted(path)
			switch {
			case !node.Reached:
				down = append(down, brick+" (Heketi does not reach the node)")
				left--
			case told && !mounted:
				down = append(down, brick+" (its file system is not mounted)")
				left--
			case !node.Glusterd:
				mute[host] = true
			}
		}
		if left < v.Needed {
			severity = volume.Inaccessible
		}
	}
	var conditions []volume.Condition
	if len(down) > 0 {
		conditions = append(conditions, volume.Condition{Severity: severity, Reason: volume.ReasonBricksDown, Message: fmt.Sprintf(
			"%d of %d bricks are down: %s; bring the nodes back and mount the file systems, then: gluster volume start %s force",
			len(down), len(v.Bricks), strings.Join(down, ", "), name)})
	}
	if len(mute) > 0 {
		conditions = append(conditions, volume.Condition{Severity: volume.Degraded, Reason: reasonGlusterd, Message: fmt.Sprintf(
			"glusterd does not answer on %s, so the volume cannot be mounted from there; it is unknown whether the bricks there are running; start glusterd",
			strings.Join(slices.Sorted(maps.Keys(mute)), ", "))})
	}
	return conditions
}

// splitBrick splits host:/path; an IPv6 address contains colons too.
func splitBrick(brick string) (host, path string) {
	host, path, ok := strings.Cut(brick, ":/")
	if !ok {
		return brick, ""
	}
	return host, "/" + path
}

func clusterIDs(dump heketi.Dump) []string { return slices.Collect(maps.Keys(dump.Clusters)) }
