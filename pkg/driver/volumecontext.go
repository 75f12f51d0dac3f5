package driver

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/nearest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The key in a static volume's context that package volume does not define.
const contextServer = "server" // one host, as users with a single host write it

// sourceOf converts a volume's context and the capability's mount flags into a mount.Source.
//
// A context with a backend was made by this driver; unknown keys in it come from a newer controller and are ignored. Any other
// context was written by hand, where an unknown key is a typing error and is refused.
func sourceOf(volumeID string, attributes map[string]string, mountFlags []string) (mount.Source, error) {
	_, provisioned := attributes[volume.ContextBackend]
	if !provisioned {
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
	options, err := optionsOf(attributes[volume.ContextMountOptions], mountFlags, provisioned)
	if err != nil {
		return mount.Source{}, fmt.Errorf("mount_flags and volume_context.%s: %w", volume.ContextMountOptions, err)
	}
	source := mount.Source{
		VolumeID: volumeID, Servers: servers, Volume: name, Subdir: subdir, Cluster: attributes[volume.ContextCluster], Options: options,
	}
	return source, source.Validate()
}

// optionsOf returns the mount options of a volume's context and of the capability. In the context of a provisioned volume, the
// options are those of its profile. A profile's option applies only if the capability does not set the same option.
func optionsOf(own string, mountFlags []string, provisioned bool) (mount.Options, error) {
	if own == "" {
		return mount.ParseOptions(mountFlags)
	}
	if !provisioned {
		return mount.ParseOptions(slices.Concat([]string{own}, mountFlags))
	}
	profile, err := mount.ParseOptions([]string{own})
	if err != nil {
		return mount.Options{}, err
	}
	options, err := mount.ParseOptions(mountFlags)
	return options.WithDefaults(profile), err
}

// checkStatic refuses unknown attributes. The error does not contain the value, because the value of a misspelt key may be a
// secret.
func checkStatic(attributes map[string]string) error {
	known := []string{volume.ContextVolume, volume.ContextServers, contextServer, volume.ContextMountOptions}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		// Kubernetes adds keys too, such as the pod's name if CSIDriver asks for it.
		if slices.Contains(known, key) || strings.HasPrefix(key, "csi.storage.k8s.io/") || strings.HasPrefix(key, "storage.kubernetes.io/") {
			continue
		}
		hint := elsewhere(key)
		if hint == "" {
			hint = nearest.Hint(key, known)
		}
		if hint == "" {
			hint = "known are " + strings.Join(known, ", ")
		}
		return volume.Invalid("volume_context", key, "static volumes have no such attribute; "+hint+" See "+staticPage)
	}
	return nil
}

// staticPage documents the attributes.
const staticPage = "docs/parameters.md#static-volumes"

// elsewhere returns this driver's form of an attribute of another driver, or of a field of an in-tree PersistentVolume.
func elsewhere(key string) string {
	switch strings.ToLower(key) {
	case "share", "path", "glustervol", "volumename", "subdir":
		return `use "volume": the gluster volume, optionally with /directory.`
	case "glusterserver", "glusterbkpservers", "host", "hosts":
		return `use "servers": the gluster servers, separated by commas.`
	case "endpoints", "endpointsnamespace":
		return `use "servers": the addresses in these Endpoints, separated by commas.`
	case "options", "mountflags":
		return `use "mountOptions", or the PersistentVolume's own mountOptions.`
	case "gid":
		return "annotate the PersistentVolume with pv.beta.kubernetes.io/gid instead."
	}
	return ""
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
