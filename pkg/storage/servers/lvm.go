package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
)

// heketiGroup is what Heketi names volume groups (heketi: pkg/paths, VgIdToName).
var heketiGroup = regexp.MustCompile(`^vg_[0-9a-f]{32}$`)

// PhysicalVolume describes what LVM has on a device.
type PhysicalVolume struct {
	Group string // "": it belongs to no volume group
	Empty bool   // no logical volume has a part of it
}

// IsHeketis reports whether the volume group is one of a Heketi.
func (pv PhysicalVolume) IsHeketis() bool { return heketiGroup.MatchString(pv.Group) }

// ErrNoPhysicalVolume is returned for a device that LVM does not use.
var ErrNoPhysicalVolume = errors.New("LVM has nothing on the device")

// PhysicalVolume asks LVM what it has on a device.
func (p Pods) PhysicalVolume(ctx context.Context, runner Runner, node, device string) (PhysicalVolume, error) {
	pod, ok := p[node]
	if !ok {
		return PhysicalVolume{}, fmt.Errorf("there is no gluster pod on node %s", node)
	}
	out, err := runner.Run(ctx, pod, Container, "lvm", "pvs", "--reportformat", "json", "--units", "k", "-o", "pv_name,vg_name,pv_size,pv_free", device)
	if exit, ok := errors.AsType[*podexec.ExitError](err); ok && strings.Contains(exit.Stderr, "Failed to find physical volume") {
		return PhysicalVolume{}, ErrNoPhysicalVolume
	}
	if err != nil {
		return PhysicalVolume{}, fmt.Errorf("ask LVM what is on %s: %w", device, err)
	}
	return readReport(out)
}

// readReport reads LVM's report about one physical volume.
func readReport(out []byte) (PhysicalVolume, error) {
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
		return PhysicalVolume{}, fmt.Errorf("LVM's report is unreadable: %w", err)
	}
	if len(answer.Report) != 1 || len(answer.Report[0].PV) != 1 {
		return PhysicalVolume{}, errors.New("LVM's report is not about one device")
	}
	pv := answer.Report[0].PV[0]
	return PhysicalVolume{Group: pv.Group, Empty: pv.Size != "" && pv.Size == pv.Free}, nil
}
