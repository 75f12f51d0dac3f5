package heketi

import (
	"context"
	"net/http"
)

// VolumeIDs returns the ids of all volumes of any origin, except those that are being made or removed. It is cheap for Heketi,
// which decodes no volume for it (heketi: apps/glusterfs/listing.go).
func (c *Client) VolumeIDs(ctx context.Context) ([]string, error) {
	api, err := c.api(ctx, nil)
	if err != nil {
		return nil, err
	}
	list, err := api.VolumeList()
	if err != nil {
		return nil, c.typed(err, http.MethodGet, "/volumes")
	}
	return list.Volumes, nil
}
