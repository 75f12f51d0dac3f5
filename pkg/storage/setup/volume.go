package setup

import (
	"context"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// databaseOptions turn off the caches of gluster's clients: the database must be on the disks when a write has ended. Heketi sets
// the same options on a volume that it makes for its database, and takes the last option as the sign that all are set.
func databaseOptions() []string {
	return []string{
		"performance.stat-prefetch off", "performance.write-behind off", "performance.open-behind off", "performance.quick-read off",
		"performance.strict-o-direct on", "performance.read-ahead off", "performance.io-cache off", "performance.readdir-ahead off",
		"user.heketi.dbstoragelevel 1",
	}
}

// ensureVolume creates the database's volume, unless Heketi already has it. clusters are the ids of the topology's clusters.
func (s *Setup) ensureVolume(ctx context.Context, server *heketi.Client, t topology.Topology, clusters []string, pods servers.Pods) error {
	dump, err := server.Dump(ctx)
	if err != nil {
		return err
	}
	for _, v := range dump.Volumes {
		switch {
		case v.Name != s.Volume.Name:
			continue
		case v.Pending != "":
			return fmt.Errorf("volume %s is still being made or removed by Heketi (operation %s): this is retried", v.Name, v.Pending)
		}
		return nil // checkEarlier has compared it with gluster's volumes
	}
	if exists, err := s.volumeExists(ctx, pods); err != nil {
		return err
	} else if exists {
		return s.unknownVolume(pods)
	}
	cluster, err := s.cluster(t, clusters)
	if err != nil {
		return err
	}
	durability := volume.Durability{Type: volume.None}
	if s.Volume.Replica > 1 {
		durability = volume.Durability{Type: volume.Replicate, Replica: s.Volume.Replica}
	}
	made, err := server.CreateVolume(ctx, heketi.CreateRequest{
		Name: s.Volume.Name, Cluster: cluster, SizeGiB: s.Volume.SizeGiB, Durability: durability, GID: s.Volume.GID,
		Options: databaseOptions(), SnapFactor: 1,
	}, func() error { return nil })
	if err != nil {
		return fmt.Errorf("make volume %s: %w", s.Volume.Name, err)
	}
	klog.FromContext(ctx).Info("Made the volume of Heketi's database", "volume", made.Name, "id", made.ID, "replica", s.Volume.Replica)
	return nil
}

// cluster returns the id of the first cluster that can hold the volume.
func (s *Setup) cluster(t topology.Topology, clusters []string) (string, error) {
	for i, c := range t.Clusters {
		if _, err := (topology.Topology{Clusters: []topology.Cluster{c}}).ForReplica(s.Volume.Replica); err == nil && c.File && i < len(clusters) && clusters[i] != "" {
			return clusters[i], nil
		}
	}
	return "", fmt.Errorf("no cluster of the topology can hold volume %s with replica %d: too few of its nodes could be added, or it takes block volumes only", s.Volume.Name, s.Volume.Replica)
}

// unknownVolume returns the error for a volume that is not in Heketi's database: the pod of an earlier run was lost right after
// gluster made the volume. No Heketi has used the volume.
func (s *Setup) unknownVolume(pods servers.Pods) error {
	command := pods.VolumeCommand(s.Namespace)
	return fmt.Errorf("gluster has a volume %s that is not in Heketi's database, because an earlier run was lost while it made the volume; if the volume is empty, remove it: "+
		"%s stop %s; %s delete %s", s.Volume.Name, command, s.Volume.Name, command, s.Volume.Name)
}
