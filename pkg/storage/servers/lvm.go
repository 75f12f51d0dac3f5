package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// heketiGroup matches the names that Heketi gives to volume groups (heketi: pkg/paths, VgIdToName).
var heketiGroup = regexp.MustCompile(`^vg_[0-9a-f]{32}$`)

// GroupOf returns the name of the volume group that Heketi creates on the device with this id.
func GroupOf(device string) string { return "vg_" + device }

// PhysicalVolume is a physical volume of LVM.
type PhysicalVolume struct {
	Name  string // path of the device
	UUID  string
	Group string // "": in no volume group
	Empty bool   // no logical volume uses it
}

// IsHeketis reports whether the volume group was made by a Heketi.
func (pv PhysicalVolume) IsHeketis() bool { return IsHeketiGroup(pv.Group) }

// IsHeketiGroup reports whether name has the form of the names that Heketi gives to volume groups.
func IsHeketiGroup(name string) bool { return heketiGroup.MatchString(name) }

// PhysicalVolume returns LVM's physical volume on a device. It returns an error if there is none.
func (p Pods) PhysicalVolume(ctx context.Context, runner Runner, node, device string) (PhysicalVolume, error) {
	list, err := p.report(ctx, runner, node, device)
	if err == nil && len(list) != 1 {
		err = errors.New("LVM's report is not about one device")
	}
	if err != nil {
		return PhysicalVolume{}, fmt.Errorf("ask LVM what is on %s: %w", device, err)
	}
	return list[0], nil
}

// PhysicalVolumes returns all physical volumes of a node.
func (p Pods) PhysicalVolumes(ctx context.Context, runner Runner, node string) ([]PhysicalVolume, error) {
	list, err := p.report(ctx, runner, node)
	if err != nil {
		return nil, fmt.Errorf("ask LVM for the physical volumes of node %s: %w", node, err)
	}
	return list, nil
}

// lvmLimit allows for slow disks: LVM reads the metadata of all devices.
const lvmLimit = 2 * time.Minute

func (p Pods) report(ctx context.Context, runner Runner, node string, device ...string) ([]PhysicalVolume, error) {
	pod, ok := p[node]
	if !ok {
		return nil, fmt.Errorf("there is no gluster pod on node %s", node)
	}
	limited, cancel := context.WithTimeoutCause(ctx, lvmLimit, fmt.Errorf(
		"LVM has not answered for %v; does a disk of node %s hang? Disable its device in Heketi, or repair the disk", lvmLimit, node))
	defer cancel()
	command := []string{"lvm", "pvs", "--reportformat", "json", "--units", "k", "-o", "pv_name,pv_uuid,vg_name,pv_size,pv_free"}
	out, err := runner.Run(limited, pod, Container, append(command, device...)...)
	switch {
	case err != nil && limited.Err() != nil:
		return nil, context.Cause(limited)
	case err != nil:
		return nil, err
	}
	return readReport(out)
}

// readReport decodes LVM's report about physical volumes.
func readReport(out []byte) ([]PhysicalVolume, error) {
	var answer struct {
		Report []struct {
			PV []struct {
				Name  string `json:"pv_name"`
				UUID  string `json:"pv_uuid"`
				Group string `json:"vg_name"`
				Size  string `json:"pv_size"`
				Free  string `json:"pv_free"`
			} `json:"pv"`
		} `json:"report"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, fmt.Errorf("LVM's report is unreadable: %w", err)
	}
	if len(answer.Report) != 1 {
		return nil, errors.New("LVM's report is empty")
	}
	var list []PhysicalVolume
	for _, pv := range answer.Report[0].PV {
		list = append(list, PhysicalVolume{Name: pv.Name, UUID: pv.UUID, Group: pv.Group, Empty: pv.Size != "" && pv.Size == pv.Free})
	}
	return list, nil
}
