package driver

import (
	"context"
	"regexp"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// DefaultName is the driver's name in the provisioner field of StorageClasses.
const DefaultName = "glusterfs.csi.gluster.org"

var driverName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$`)

// CheckName checks a driver name against the rule of the CSI spec (GetPluginInfo).
func CheckName(name string) error {
	if !driverName.MatchString(name) {
		return volume.Invalid("driver name", name,
			"must be a domain name of at most 63 letters, digits, dashes and dots, beginning and ending with a letter or digit")
	}
	return nil
}

type identityServer struct {
	csi.UnimplementedIdentityServer
	name, version string
	controller    bool
}

// GetPluginInfo returns the driver's name and version.
func (s *identityServer) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: s.name, VendorVersion: s.version}, nil
}

// GetPluginCapabilities returns the services of this process.
func (s *identityServer) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	response := &csi.GetPluginCapabilitiesResponse{}
	if s.controller {
		response.Capabilities = append(response.Capabilities, &csi.PluginCapability{
			Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{
				Type: csi.PluginCapability_Service_CONTROLLER_SERVICE,
			}},
		}, &csi.PluginCapability{
			Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{
				Type: csi.PluginCapability_VolumeExpansion_ONLINE,
			}},
		})
	}
	return response, nil
}

// Probe reports only on this process. If it depended on the backend, a liveness probe would restart the driver because of the
// backend's outage, and end the operations that run in it.
func (s *identityServer) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{Ready: wrapperspb.Bool(true)}, nil
}
