package database

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/klog/v2"
)

// WarnOfPending logs the volumes that are unfinished in a database, before Heketi starts with the database. program is the heketi
// binary; see Export. Errors are only logged, since they must not prevent Heketi's start.
func WarnOfPending(ctx context.Context, program, path string) {
	logger := klog.FromContext(ctx)
	names, err := pendingVolumes(ctx, program, path)
	switch {
	case err != nil:
		logger.Error(err, "The backup could not be searched for unfinished volumes; run heketi-cli server operations list before heketi-cli server operations cleanup")
	case len(names) > 0:
		logger.Info("WARNING: the backup was taken during operations. These volumes are unfinished in the backup, but may be in use by now. "+
			"Do not run heketi-cli server operations cleanup while gluster has one of them (gluster volume list): the cleanup would delete them with their data",
			"volumes", strings.Join(names, ", "))
	}
}

func pendingVolumes(ctx context.Context, program, path string) (names []string, err error) {
	content, err := Export(ctx, program, path)
	if err != nil {
		return nil, err
	}
	var exported struct {
		Volumes map[string]struct {
			Info struct {
				Name string `json:"name"`
			} `json:"Info"`
			Pending struct {
				ID string `json:"Id"`
			} `json:"Pending"`
		} `json:"volumeentries"`
	}
	if err := json.Unmarshal(content, &exported); err != nil {
		return nil, fmt.Errorf("read the exported database: %w", err)
	}
	for _, v := range exported.Volumes {
		if v.Pending.ID != "" {
			names = append(names, v.Info.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}
