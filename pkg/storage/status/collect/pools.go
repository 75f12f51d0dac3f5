package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/status"
)

// pools returns the thin pools in Heketi's volume groups. Other thin pools on the node do not belong to the chart.
func (c Collector) pools(ctx context.Context) ([]status.Pool, error) {
	ctx, cancel := cli.WithLimit(ctx, lvmLimit)
	defer cancel()
	out, err := c.Runner.Run(ctx, "lvm", "lvs", "--reportformat", "json", "--units", "b", "--nosuffix",
		"-o", "vg_name,lv_name,lv_layout,pool_lv,lv_size,data_percent,metadata_percent,lv_health_status")
	if err != nil {
		return nil, err
	}
	return readPools(out)
}

// logicalVolume is a row of LVM's report.
type logicalVolume struct {
	Group    string `json:"vg_name"`
	Name     string `json:"lv_name"`
	Layout   string `json:"lv_layout"` // such as thin,pool or thin,sparse
	Pool     string `json:"pool_lv"`   // of a thin volume
	Size     string `json:"lv_size"`
	Data     string `json:"data_percent"`     // empty for an inactive volume
	Metadata string `json:"metadata_percent"` // only for a pool
	Health   string `json:"lv_health_status"`
}

func (v logicalVolume) isPool() bool {
	layout := strings.Split(v.Layout, ",")
	return slices.Contains(layout, "thin") && slices.Contains(layout, "pool")
}

// readPools decodes LVM's report about logical volumes.
func readPools(out []byte) ([]status.Pool, error) {
	var answer struct {
		Report []struct {
			Volumes []logicalVolume `json:"lv"`
		} `json:"report"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("LVM's report is unreadable: %w", err)
	}
	if len(answer.Report) != 1 {
		return nil, errors.New("LVM's report is empty")
	}
	volumes := slices.DeleteFunc(answer.Report[0].Volumes, func(v logicalVolume) bool { return !servers.IsHeketiGroup(v.Group) })
	promised := map[string]uint64{} // by the group and name of the pool
	for _, v := range volumes {
		if v.Pool == "" {
			continue
		}
		size, err := v.size()
		if err != nil {
			return nil, err
		}
		promised[v.Group+"/"+v.Pool] += size
	}
	pools := []status.Pool{}
	for _, v := range volumes {
		if !v.isPool() {
			continue
		}
		pool, err := v.pool()
		if err != nil {
			return nil, err
		}
		pool.Promised = promised[v.Group+"/"+v.Name]
		pools = append(pools, pool)
	}
	return pools, nil
}

func (v logicalVolume) size() (uint64, error) {
	size, err := strconv.ParseUint(v.Size, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("LVM's report has the size %q for %s/%s", v.Size, v.Group, v.Name)
	}
	return size, nil
}

func (v logicalVolume) pool() (status.Pool, error) {
	size, err := v.size()
	if err != nil {
		return status.Pool{}, err
	}
	pool := status.Pool{Group: v.Group, Name: v.Name, Size: size, Health: v.Health, Active: v.Data != "" && v.Metadata != ""}
	if !pool.Active {
		return pool, nil
	}
	data, err := strconv.ParseFloat(v.Data, 64)
	metadata, err2 := strconv.ParseFloat(v.Metadata, 64)
	if err = errors.Join(err, err2); err != nil {
		return status.Pool{}, fmt.Errorf("LVM's report about the pool %s/%s: %w", v.Group, v.Name, err)
	}
	pool.Data, pool.Metadata = data, metadata
	return pool, nil
}
