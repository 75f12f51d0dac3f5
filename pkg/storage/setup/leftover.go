package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
)

// heketiGroup is what Heketi names volume groups (heketi: pkg/paths, VgIdToName).
var heketiGroup = regexp.MustCompile(`^vg_[0-9a-f]{32}$`)

// isLeftover reports whether all that is on a device is a volume group of Heketi without a single volume in it. It is what a
// Heketi leaves behind that was killed while it added the device, before its record. Heketi itself refuses to wipe a
// device that it has a record of.
func (s *Setup) isLeftover(ctx context.Context, pod, device string) (bool, error) {
	out, err := s.Runner.Run(ctx, pod, container, "lvm", "pvs", "--reportformat", "json", "--units", "k", "-o", "pv_name,vg_name,pv_size,pv_free", device)
	if err != nil {
		return false, fmt.Errorf("ask LVM what is on %s: %w", device, err)
	}
	return emptyGroup(out)
}

// emptyGroup reads LVM's report about one physical volume.
func emptyGroup(out []byte) (bool, error) {
	var answer struct {
		Report []struct {
			PV []struct {
				Group string `json:"vg_name"`
				Size  string `json:"pv_size"`
				Free  string `json:"pv_free"`
			} `json:"pv"`
		} `json:"report"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return false, fmt.Errorf("LVM's report is unreadable: %w", err)
	}
	if len(answer.Report) != 1 || len(answer.Report[0].PV) != 1 {
		return false, nil
	}
	pv := answer.Report[0].PV[0]
	return heketiGroup.MatchString(pv.Group) && pv.Size != "" && pv.Size == pv.Free, nil
}
