package driver

import (
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// specOf checks a create request completely, without a request to any server.
func specOf(request *csi.CreateVolumeRequest) (volume.Spec, error) {
	if err := checkName(request.GetName()); err != nil {
		return volume.Spec{}, err
	}
	if err := checkCapabilities(request.GetVolumeCapabilities()); err != nil {
		return volume.Spec{}, err
	}
	if err := checkUnsupported(request); err != nil {
		return volume.Spec{}, err
	}
	parameters, err := volume.ParseParameters(request.GetParameters())
	if err != nil {
		return volume.Spec{}, err
	}
	capacity, err := capacityOf(request.GetCapacityRange())
	if err != nil {
		return volume.Spec{}, err
	}
	if _, err := capacity.SizeGiB(parameters.Durability.MinGiB()); err != nil {
		return volume.Spec{}, err
	}
	return volume.Spec{
		Name:        request.GetName(),
		Capacity:    capacity,
		Parameters:  parameters,
		Credentials: credentialsOf(request.GetSecrets()),
	}, nil
}

// checkName applies the CSI spec's rules for CreateVolumeRequest.name.
func checkName(name string) error {
	const longest = 128 // CSI spec, Size Limits
	banned := func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
	}
	switch {
	case name == "":
		return volume.Invalid("name", name, "must be given")
	case len(name) > longest:
		return volume.Invalid("name", name, "must be at most 128 bytes long")
	case strings.ContainsFunc(name, banned):
		return volume.Invalid("name", name, "must not contain control characters")
	}
	return nil
}

// checkUnsupported refuses requests for features that this driver does not have, because a successful answer would promise them.
func checkUnsupported(request *csi.CreateVolumeRequest) error {
	switch source := request.GetVolumeContentSource(); {
	case source.GetSnapshot() != nil:
		return volume.Invalid("volume_content_source.snapshot", source.GetSnapshot().GetSnapshotId(), "snapshots are not supported; only empty volumes can be made")
	case source.GetVolume() != nil:
		return volume.Invalid("volume_content_source.volume", source.GetVolume().GetVolumeId(), "clones are not supported; only empty volumes can be made")
	case source != nil:
		return volume.Invalid("volume_content_source", "", "must be absent; only empty volumes can be made")
	}
	// The values of unknown keys may be secret, so these errors do not contain them.
	for key := range request.GetMutableParameters() {
		return volume.Invalid("mutable_parameters", key, "volumes cannot be modified; remove the VolumeAttributesClass")
	}
	if request.GetAccessibilityRequirements() != nil {
		return volume.Invalid("accessibility_requirements", "", "must be absent; every node can reach every volume")
	}
	return nil
}

// capacityOf returns the sizes. Without a range, the driver chooses the size; a range without a bound is an error (CSI spec,
// CapacityRange: at least one of these fields MUST be specified).
func capacityOf(r *csi.CapacityRange) (volume.Capacity, error) {
	if r != nil && r.GetRequiredBytes() == 0 && r.GetLimitBytes() == 0 {
		return volume.Capacity{}, volume.Invalid("capacity_range", "0", "must have required_bytes or limit_bytes above 0, or be absent for the smallest volume")
	}
	return volume.Capacity{RequiredBytes: r.GetRequiredBytes(), LimitBytes: r.GetLimitBytes()}, nil
}
