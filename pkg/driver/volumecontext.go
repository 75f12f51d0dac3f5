package driver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The keys of a static volume's context beside volume.ContextVolume and volume.ContextServers.
const (
	contextServer       = "server" // one host, as people write it who have one
	contextMountOptions = "mountOptions"
)

// sourceOf reads a volume's context and the capability's mount flags into what a Mounter needs.
//
// A context with a backend was made by this driver; keys in it that are not known here come from a newer controller
// and are ignored. Any other context was written by hand, where an unknown key is a typing error and is refused.
func sourceOf(volumeID string, attributes map[string]string, mountFlags []string) (mount.Source, error) {
	if _, provisioned := attributes[volume.ContextBackend]; !provisioned {
		if err := checkStatic(attributes); err != nil {
			return mount.Source{}, err
		}
	}
	name, subdir, err := mount.ParseVolume(attributes[volume.ContextVolume])
	if err != nil {
		return mount.Source{}, fmt.Errorf("volume_context.%s: %w", volume.ContextVolume, err)
	}
	servers, err := serversOf(attributes)
	if err != nil {
		return mount.Source{}, err
	}
	flags := mountFlags
	if own := attributes[contextMountOptions]; own != "" {
		flags = slices.Concat(strings.Split(own, ","), mountFlags)
	}
	options, err := mount.ParseOptions(flags)
	if err != nil {
		return mount.Source{}, fmt.Errorf("mount_flags and volume_context.%s: %w", contextMountOptions, err)
	}
	return mount.Source{VolumeID: volumeID, Servers: servers, Volume: name, Subdir: subdir, Options: options}, nil
}

func checkStatic(attributes map[string]string) error {
	for key, value := range attributes {
		switch key {
		case volume.ContextVolume, volume.ContextServers, contextServer, contextMountOptions:
			continue
		}
		// Kubernetes adds keys of its own, such as the pod's name where CSIDriver asks for it.
		if strings.HasPrefix(key, "csi.storage.k8s.io/") || strings.HasPrefix(key, "storage.kubernetes.io/") {
			continue
		}
		return volume.Invalid("volume_context."+key, value, fmt.Sprintf("is not a known attribute of a static volume; known are %s, %s (or %s) and %s",
			volume.ContextVolume, volume.ContextServers, contextServer, contextMountOptions))
	}
	return nil
}

func serversOf(attributes map[string]string) ([]string, error) {
	field, list := volume.ContextServers, attributes[volume.ContextServers]
	if server, ok := attributes[contextServer]; ok {
		if list != "" {
			return nil, volume.Invalid("volume_context."+contextServer, server,
				fmt.Sprintf("must not be given together with %s; write all hosts there", volume.ContextServers))
		}
		field, list = contextServer, server
	}
	servers, err := mount.ParseServers(list)
	if err != nil {
		return nil, fmt.Errorf("volume_context.%s: %w", field, err)
	}
	return servers, nil
}
