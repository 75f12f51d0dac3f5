package heketi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Inconsistencies makes Heketi compare the entries of its database with each other, and returns the contradictions in Heketi's
// words (heketi: apps/glusterfs/db_operations.go, dbCheckConsistency).
func (c *Client) Inconsistencies(ctx context.Context) ([]string, error) {
	client, err := c.api(ctx, nil)
	if err != nil {
		return nil, err
	}
	type bucket struct {
		Inconsistencies []string `json:"inconsistencies"`
	}
	var check struct {
		Clusters     bucket `json:"clusters"`
		Volumes      bucket `json:"volumes"`
		Bricks       bucket `json:"bricks"`
		Nodes        bucket `json:"nodes"`
		Devices      bucket `json:"devices"`
		BlockVolumes bucket `json:"blockvolumes"`
		Operations   bucket `json:"pendingoperations"`
		Total        *int   `json:"totalinconsistencies"`
	}
	answer, err := client.DbCheck()
	if err == nil {
		err = json.Unmarshal([]byte(answer), &check)
	}
	if err == nil && check.Total == nil {
		err = errNoCheck
	}
	if err != nil {
		return nil, c.typed(err, http.MethodGet, "/db/check")
	}
	var found []string
	for _, b := range []bucket{check.Clusters, check.Volumes, check.Bricks, check.Nodes, check.Devices, check.BlockVolumes, check.Operations} {
		for _, text := range b.Inconsistencies {
			found = append(found, oneLine(text))
		}
	}
	for len(found) < *check.Total {
		found = append(found, "(Heketi gives no details)")
	}
	return found, nil
}

var errNoCheck = errors.New("the answer is no result of a database check")
