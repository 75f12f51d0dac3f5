package heketi

import "strconv"

// The parts of a node's answer that the driver uses (heketi: apps/glusterfs/examiner.go, executors/executor.go).
type (
	nodeData struct {
		NodeHeketiID string `json:"NodeHeketiID"`
		VolumeInfo   *struct {
			Volumes struct {
				VolumeList []volumeInfo `json:"VolumeList"`
			} `json:"Volumes"`
		} `json:"VolumeInfo"`
		BricksMountStatus *struct {
			Statuses []struct {
				MountPoint string `json:"MountPoint"`
				Mounted    bool   `json:"Mounted"`
			} `json:"Statuses"`
		} `json:"BricksMountStatus"`
	}
	volumeInfo struct {
		VolumeName      string `json:"VolumeName"`
		StatusStr       string `json:"StatusStr"`
		ReplicaCount    int    `json:"ReplicaCount"`
		DisperseCount   int    `json:"DisperseCount"`
		RedundancyCount int    `json:"RedundancyCount"`
		Bricks          struct {
			BrickList []struct {
				Name string `json:"Name"`
			} `json:"BrickList"`
		} `json:"Bricks"`
		Options struct {
			OptionList []volumeOption `json:"OptionList"`
		} `json:"Options"`
	}
	volumeOption struct {
		Name  string `json:"Name"`
		Value string `json:"Value"`
	}
)

func (n nodeData) examined() ExaminedNode {
	node := ExaminedNode{Reached: n.VolumeInfo != nil || n.BricksMountStatus != nil, Glusterd: n.VolumeInfo != nil}
	if n.BricksMountStatus == nil {
		return node
	}
	node.Mounted = map[string]bool{}
	for _, status := range n.BricksMountStatus.Statuses {
		node.Mounted[status.MountPoint] = status.Mounted
	}
	return node
}

func (v volumeInfo) volume() GlusterVolume {
	bricks := make([]string, 0, len(v.Bricks.BrickList))
	for _, brick := range v.Bricks.BrickList {
		bricks = append(bricks, brick.Name)
	}
	set, needed := max(1, v.ReplicaCount), v.quorum()
	if v.DisperseCount > 0 {
		set, needed = v.DisperseCount, v.DisperseCount-v.RedundancyCount
	}
	return GlusterVolume{Status: v.StatusStr, Bricks: bricks, Set: set, Needed: min(max(1, needed), set)}
}

// quorum returns how many copies must be present. By default, gluster requires more than half of the copies if there are three or
// more, and either copy if there are two. With quorum type "auto", gluster requires the first of two copies. This function
// ignores that, but a client does not.
func (v volumeInfo) quorum() int {
	needed := 1
	if v.ReplicaCount > 2 {
		needed = v.ReplicaCount/2 + 1
	}
	var kind string
	var count int
	for _, option := range v.Options.OptionList {
		switch option.Name {
		case "cluster.quorum-type":
			kind = option.Value
		case "cluster.quorum-count":
			count, _ = strconv.Atoi(option.Value) // gluster has checked the value
		}
	}
	switch {
	case kind == "none":
		return 1
	case kind == "fixed" && count > 0:
		return count
	}
	return needed
}
