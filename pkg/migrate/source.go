package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Names that the in-tree plugin and its controller wrote (kubernetes 1.25: pkg/volume/glusterfs/glusterfs.go,
// pkg/controller/volume/persistentvolume).
const (
	inTree = "kubernetes.io/glusterfs"

	annotationProvisionedBy = "pv.kubernetes.io/provisioned-by"
	annotationMigratedTo    = "pv.kubernetes.io/migrated-to"
	annotationCreatedBy     = "kubernetes.io/createdby"
	annotationType          = "gluster.org/type"
	annotationDescription   = "Description"
	annotationHeketiID      = "gluster.kubernetes.io/heketi-volume-id"
	annotationGID           = "pv.beta.kubernetes.io/gid"
	annotationMountOptions  = "volume.beta.kubernetes.io/mount-options" // the predecessor of spec.mountOptions, which 1.25 still reads

	heketiNamePrefix = "vol_" // the prefix of names that Heketi makes from ids
)

// kindOf returns how a volume was made. Only the provisioner's controller sets annotationProvisionedBy. A PersistentVolume that was
// written by hand is therefore never mistaken for one whose volume may be deleted with its claim.
func kindOf(pv persistentVolume) Kind {
	if pv.Metadata.Annotations[annotationProvisionedBy] == inTree {
		return Dynamic
	}
	return Static
}

// sourceOf returns the gluster volume and the servers that the PersistentVolume mounts.
func sourceOf(pv persistentVolume, servers map[string][]string) (Source, error) {
	intree := pv.Spec.GlusterFS
	name, directory, err := mount.ParseVolume(intree.Path)
	if err != nil {
		return Source{Volume: intree.Path}, fmt.Errorf("spec.glusterfs.path: %w", err)
	}
	s := Source{Volume: name, Directory: directory, ReadOnly: intree.ReadOnly}
	if namespace := endpointsNamespace(pv); intree.Endpoints != "" && namespace != "" {
		s.Endpoints = namespace + "/" + intree.Endpoints
		s.Servers = servers[s.Endpoints]
	}
	if kindOf(pv) == Dynamic {
		s.HeketiID = heketiIDOf(pv, name)
	}
	return s, nil
}

// endpointsNamespace returns the namespace in which the kubelet looked for the Endpoints: by default the claim's.
func endpointsNamespace(pv persistentVolume) string {
	switch named := pv.Spec.GlusterFS.Namespace; {
	case named != nil && *named != "":
		return *named
	case pv.Spec.ClaimRef != nil:
		return pv.Spec.ClaimRef.Namespace
	}
	return ""
}

// heketiIDOf returns the id that the plugin recorded. Older plugins recorded none and took the id from the volume's name
// (getVolumeID).
func heketiIDOf(pv persistentVolume, name string) string {
	if id := pv.Metadata.Annotations[annotationHeketiID]; id != "" {
		return id
	}
	if id, ok := strings.CutPrefix(name, heketiNamePrefix); ok && volume.ValidHeketiID(id) {
		return id
	}
	return ""
}

// checkServers returns servers as the driver writes them, or the error with which the driver would refuse to mount the volume.
func checkServers(servers []string) ([]string, error) {
	checked, err := mount.ParseServers(strings.Join(servers, ","))
	if err != nil {
		return nil, fmt.Errorf("the driver would not mount it: %w", err)
	}
	return checked, nil
}

// addressesOf returns the addresses of an Endpoints object as the kubelet used them: each once, in their original order.
func addressesOf(e endpoints) []string {
	var found []string
	for _, subset := range e.Subsets {
		for _, a := range slices.Concat(subset.Addresses, subset.NotReadyAddresses) {
			if a.IP != "" && !slices.Contains(found, a.IP) {
				found = append(found, a.IP)
			}
		}
	}
	return found
}

// mountOptionsOf returns the mount options of a PersistentVolume as the kubelet read them.
func mountOptionsOf(pv persistentVolume) []string {
	if old := pv.Metadata.Annotations[annotationMountOptions]; old != "" {
		return []string{old}
	}
	return pv.Spec.MountOptions
}

// translateOptions returns the mount options for the CSI driver, one in each string, and a warning for each option that is left
// out. It returns an error for an option that the driver refuses and that drop does not name.
func translateOptions(options []string, readOnly bool, drop []string) (kept, warnings []string, err error) {
	for _, option := range mount.SplitOptions(options) {
		name, _, _ := strings.Cut(option, "=")
		switch {
		case option == "":
			continue
		case slices.Contains(drop, name):
			warnings = append(warnings, fmt.Sprintf("mount option %q is left out, as requested", option))
			continue
		case name == "log-file", name == "auto_unmount":
			warnings = append(warnings, fmt.Sprintf("mount option %q is left out: the driver has its own log and its own unmounting", option))
			continue
		}
		if _, err := mount.ParseOptions([]string{option}); err != nil {
			return nil, nil, fmt.Errorf("%w; or leave it out with --drop-mount-option=%s", err, name)
		}
		if !slices.Contains(kept, option) {
			kept = append(kept, option)
		}
	}
	if readOnly && !slices.Contains(kept, "ro") {
		kept = append(slices.DeleteFunc(kept, func(o string) bool { return o == "rw" }), "ro")
		warnings = append(warnings, `readOnly becomes the mount option "ro", since CSI has no such field in a PersistentVolume`)
	}
	if _, err := mount.ParseOptions(kept); err != nil {
		return nil, nil, err
	}
	return kept, warnings, nil
}

// annotationsWithout returns the annotations without those of the in-tree plugin and its controller.
func annotationsWithout(annotations map[string]string) map[string]string {
	kept := maps.Clone(annotations)
	for _, key := range []string{annotationProvisionedBy, annotationMigratedTo, annotationCreatedBy, annotationType, annotationHeketiID, annotationMountOptions, annotationLastApplied} {
		delete(kept, key)
	}
	if strings.HasPrefix(kept[annotationDescription], "Gluster-Internal: Dynamically provisioned PV") {
		delete(kept, annotationDescription)
	}
	return kept
}
