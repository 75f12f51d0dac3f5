package heketi

import (
	"encoding/json"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The entries of the database, with the fields that the driver uses (heketi: apps/glusterfs/*_entry.go).
type (
	clusterEntry struct {
		Info struct {
			Nodes []string `json:"nodes"`
			api.ClusterFlags
		} `json:"Info"`
	}
	volumeEntry struct {
		Info struct {
			Name       string                   `json:"name"`
			Cluster    string                   `json:"cluster"`
			Size       int                      `json:"size"`
			GID        int64                    `json:"gid"`
			Durability api.VolumeDurabilityInfo `json:"durability"`
			Block      bool                     `json:"block"`
		} `json:"Info"`
		Options []string `json:"GlusterVolumeOptions"`
		Pending struct {
			ID string `json:"Id"`
		} `json:"Pending"`
	}
	nodeEntry struct {
		State api.EntryState `json:"State"`
		Info  api.NodeInfo   `json:"Info"`
	}
	deviceEntry struct {
		State      api.EntryState `json:"State"`
		Info       api.DeviceInfo `json:"Info"`
		NodeID     string         `json:"NodeId"`
		ExtentSize uint64         `json:"ExtentSize"`
	}
	operationEntry struct {
		Status string `json:"Status"`
	}
)

// add reads the next value, an entry of the section.
func (d *Dump) add(decoder *json.Decoder, section, id string) error {
	switch section {
	case "clusterentries":
		return addEntry(decoder, d.Clusters, id, clusterEntry.cluster)
	case "volumeentries":
		return addEntry(decoder, d.Volumes, id, volumeEntry.volume)
	case "nodeentries":
		return addEntry(decoder, d.Nodes, id, nodeEntry.node)
	case "deviceentries":
		return addEntry(decoder, d.Devices, id, deviceEntry.device)
	case "pendingoperations":
		return addEntry(decoder, d.Operations, id, func(e operationEntry) DumpOperation { return DumpOperation(e) })
	}
	return decoder.Decode(&ignored{})
}

func addEntry[E, T any](decoder *json.Decoder, to map[string]T, id string, convert func(E) T) error {
	var entry E
	if err := decoder.Decode(&entry); err != nil {
		return err
	}
	to[id] = convert(entry)
	return nil
}

func (e clusterEntry) cluster() DumpCluster {
	return DumpCluster{Nodes: e.Info.Nodes, File: e.Info.File}
}

func (e volumeEntry) volume() DumpVolume {
	return DumpVolume{
		Name: e.Info.Name, Cluster: e.Info.Cluster, SizeGiB: e.Info.Size, GID: e.Info.GID,
		Durability: newDurability(e.Info.Durability), Block: e.Info.Block, Pending: e.Pending.ID,
		MountOptions: volume.MountOptionsOf(e.Options),
	}
}

func (e nodeEntry) node() DumpNode {
	node := DumpNode{Zone: e.Info.Zone, Online: e.State == api.EntryStateOnline, Tags: e.Info.Tags}
	if storage := e.Info.Hostnames.Storage; len(storage) > 0 {
		node.Host = storage[0]
	}
	return node
}

func (e deviceEntry) device() DumpDevice {
	return DumpDevice{
		Node: e.NodeID, Online: e.State == api.EntryStateOnline,
		FreeKiB: e.Info.Storage.Free, ExtentKiB: e.ExtentSize, Tags: e.Info.Tags,
	}
}
