package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	goclient "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// heketi is the server behind the driver, with an administrator's access that bypasses the proxy.
type heketi struct {
	server   *lab.MockHeketi
	dir      string
	admin    *goclient.Client
	clusters []string
	foreign  map[string]Recorded // volumes that the driver did not make, by id
}

// startHeketi starts a Heketi with one or two clusters, with volumes in them that are not the driver's.
func startHeketi(ctx context.Context, dir string, clusters int) (*heketi, error) {
	server, err := lab.StartMockHeketi(ctx, dir)
	if err != nil {
		return nil, err
	}
	h := &heketi{server: server, dir: dir, admin: newAdmin(server.URL)}
	if err := h.furnish(ctx, clusters); err != nil {
		return nil, errors.Join(err, h.server.Stop())
	}
	return h, nil
}

// startEmptyHeketi starts a Heketi that has lost its database.
func startEmptyHeketi(ctx context.Context, dir string) (*lab.MockHeketi, error) {
	server, err := lab.StartMockHeketi(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := server.Reconfigure(ctx, map[string]any{"db": filepath.Join(dir, "empty.db")}); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

func newAdmin(url string) *goclient.Client {
	options := goclient.DefaultClientOptions()
	options.RetryEnabled = false
	options.PollDelay = 10 // milliseconds
	return goclient.NewClientWithOptions(url, lab.HeketiUser, lab.HeketiKey, options)
}

func (h *heketi) furnish(ctx context.Context, clusters int) error {
	for range clusters - 1 {
		if err := h.server.AddCluster(ctx); err != nil {
			return err
		}
	}
	key := filepath.Join(h.dir, "ssh.key")
	if err := writeKey(key); err != nil {
		return err
	}
	if err := h.server.Reconfigure(ctx, executorConfig(h.dir, key)); err != nil {
		return err
	}
	list, err := h.admin.ClusterList()
	if err != nil {
		return err
	}
	if h.clusters = list.Clusters; len(h.clusters) != clusters {
		return fmt.Errorf("mock Heketi has %d clusters, want %d", len(h.clusters), clusters)
	}
	return h.addForeign()
}

// addForeign creates the volumes that must not be changed. Two of them look almost like the driver's own.
func (h *heketi) addForeign() error {
	h.foreign = map[string]Recorded{}
	for i, name := range []string{"data", "csi-data", "csi-pvc-1-0123456789abcdef"} {
		request := &api.VolumeCreateRequest{Name: name, Size: 2 + i, Gid: int64(gidMin + i)}
		request.Clusters = h.clusters[:1]
		if _, err := h.admin.VolumeCreate(request); err != nil {
			return fmt.Errorf("the foreign volume %s: %w", name, err)
		}
	}
	truth, err := h.truth()
	h.foreign = truth.Volumes
	return err
}

func (h *heketi) truth() (Truth, error) { return readTruth(h.admin) }

// clusterIDs returns the parameter clusterid of a class that names these clusters.
func (h *heketi) clusterIDs(indexes []int) string {
	ids := make([]string, 0, len(indexes))
	for _, i := range indexes {
		ids = append(ids, h.clusters[i])
	}
	return strings.Join(ids, ",")
}

// anyForeign returns the id of a foreign volume.
func (h *heketi) anyForeign(pick int) string {
	return sortedKeys(h.foreign)[pick%len(h.foreign)]
}

// set turns a switch of the executor on or off.
func (h *heketi) set(name string, on bool) error {
	path := filepath.Join(h.dir, name)
	if on {
		return os.WriteFile(path, nil, 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// open sets whether a cluster accepts file volumes.
func (h *heketi) open(cluster int, open bool) error {
	request := &api.ClusterSetFlagsRequest{}
	request.File, request.Block = open, true
	return h.admin.ClusterSetFlags(h.clusters[cluster%len(h.clusters)], request)
}

// fill leaves a cluster with one node, which has space only for volumes of one brick, or restores the cluster's nodes.
func (h *heketi) fill(cluster int, full bool) error {
	info, err := h.admin.ClusterInfo(h.clusters[cluster%len(h.clusters)])
	if err != nil {
		return err
	}
	state := api.StateRequest{State: api.EntryStateOnline}
	if full {
		state.State = api.EntryStateOffline
	}
	for _, node := range info.Nodes[1:] {
		if err := h.admin.NodeState(node, &state); err != nil {
			return err
		}
	}
	return nil
}

// check runs Heketi's own check of its records.
func (h *heketi) check() error {
	text, err := h.admin.DbCheck()
	if err != nil {
		return err
	}
	var found struct {
		Total int `json:"totalinconsistencies"`
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return err
	}
	if found.Total > 0 {
		return fmt.Errorf("%d inconsistencies in the database, by Heketi's own check: %s", found.Total, text)
	}
	return nil
}
