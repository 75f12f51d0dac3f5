package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Import describes a PersistentVolume for an existing gluster volume.
type Import struct {
	Volume   string // a gluster volume's name, optionally with /directory, or the volume's id in Heketi
	Backend  string // "" means any
	Driver   string
	Name     string // the PersistentVolume's name; "" derives it from the volume's
	Claim    string // namespace/name of a claim to create; "" creates none
	Class    string // the StorageClass of the PersistentVolume and of the claim
	Size     string // a quantity; "" takes Heketi's size
	ReadOnly bool
	// Adopt lets the driver manage the volume: it can be expanded and deleted.
	Adopt bool
}

// Objects returns the PersistentVolume and, if requested, the claim. The volume must be listed by a Heketi or in gluster's own
// list.
func (i Import) Objects(inventories []Inventory, listed []GlusterVolume) ([]map[string]any, error) {
	found, err := i.find(inventories)
	if err != nil {
		return nil, err
	}
	name, directory, err := mount.ParseVolume(i.Volume)
	if err != nil {
		return nil, err
	}
	if found != nil {
		name = found.volume().Name
	}
	if err := i.checkAdopt(found, directory); err != nil {
		return nil, err
	}
	pv, err := i.persistentVolumeName(name, directory)
	if err != nil {
		return nil, err
	}
	size, err := i.size(found)
	if err != nil {
		return nil, err
	}
	source, err := i.source(found, name, directory, pv, listed)
	if err != nil {
		return nil, err
	}
	object := i.persistentVolume(pv, size, source)
	if found != nil && found.volume().GID > 0 && directory == "" {
		object.SetAnnotations(map[string]string{annotationGID: strconv.FormatInt(found.volume().GID, 10)})
	}
	return i.withClaim(object, size)
}

// VolumeOf returns the gluster volume, as VOLUME or VOLUME/DIRECTORY, of a PersistentVolume that Objects has returned.
func VolumeOf(pv map[string]any) string {
	name, _, _ := unstructured.NestedString(pv, "spec", "csi", "volumeAttributes", volume.ContextVolume)
	return name
}

// checkAdopt returns an error if --adopt is set and cannot work.
func (i Import) checkAdopt(found *candidate, directory string) error {
	switch {
	case !i.Adopt:
		return nil
	case found == nil || directory != "":
		return errors.New("--adopt is for whole volumes that a configured Heketi has")
	case found.inventory.NoAdopt && !volume.IsOurs(found.volume().Name):
		return fmt.Errorf("--adopt: backend %q has adopt: false in the configuration, so that the driver would refuse to expand or delete the volume; "+
			"set adopt: true there, or leave --adopt out", found.inventory.Backend)
	}
	return nil
}

// withClaim returns the PersistentVolume and, if requested, the claim.
func (i Import) withClaim(object *unstructured.Unstructured, size string) ([]map[string]any, error) {
	if i.Claim == "" {
		return []map[string]any{object.Object}, nil
	}
	claim, err := i.claim(object.GetName(), size)
	if err != nil {
		return nil, err
	}
	reference := map[string]any{"namespace": claim.GetNamespace(), "name": claim.GetName()}
	if err := unstructured.SetNestedMap(object.Object, reference, "spec", "claimRef"); err != nil {
		return nil, err
	}
	return []map[string]any{object.Object, claim.Object}, nil
}

func (i Import) persistentVolume(name, size string, source map[string]any) *unstructured.Unstructured {
	spec := map[string]any{
		"accessModes": []any{"ReadWriteMany"}, "capacity": map[string]any{"storage": size}, "csi": source,
		"persistentVolumeReclaimPolicy": policyRetain, "storageClassName": i.Class,
	}
	if i.ReadOnly {
		spec["mountOptions"] = []any{"ro"}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

// find returns the volume in Heketi, or nil if no Heketi has it.
func (i Import) find(inventories []Inventory) (*candidate, error) {
	if i.Backend != "" {
		inventories = slices.Collect(func(yield func(Inventory) bool) {
			for _, each := range inventories {
				if each.Backend == i.Backend && !yield(each) {
					return
				}
			}
		})
		if len(inventories) == 0 {
			return nil, fmt.Errorf("--backend=%s: the configuration has no such backend", i.Backend)
		}
	}
	if failed := unreadable(inventories); failed != "" {
		return nil, fmt.Errorf("these Heketis cannot be read: %s", failed)
	}
	name, _, _ := strings.Cut(i.Volume, "/")
	id := ""
	if volume.ValidHeketiID(name) {
		id = name
	}
	found := candidates(inventories, id, name)
	switch {
	case len(found) > 1:
		return nil, fmt.Errorf("several volumes are called %s: %v; say which with --backend or by Heketi's id", name, found)
	case len(found) == 0 && (id != "" || i.Backend != ""):
		return nil, fmt.Errorf("Heketi has no volume %s", name) //nolint:staticcheck // a name
	case len(found) == 0:
		return nil, nil //nolint:nilnil // that is no failure
	case found[0].volume().Pending != "":
		return nil, fmt.Errorf("an operation of Heketi is changing %s (%s); repeat this when it has ended", found[0], found[0].volume().Pending)
	case found[0].volume().Block:
		return nil, fmt.Errorf("%s hosts block volumes", found[0])
	}
	return &found[0], nil
}

// persistentVolumeName returns the requested name, or one derived from the name of the volume.
func (i Import) persistentVolumeName(name, directory string) (string, error) {
	pv := i.Name
	if pv == "" {
		pv = strings.ToLower(strings.NewReplacer("_", "-", "/", "-").Replace(strings.TrimSuffix(name+"/"+directory, "/")))
	}
	if problems := validation.IsDNS1123Subdomain(pv); len(problems) > 0 {
		return "", fmt.Errorf("%q is not a valid name for a PersistentVolume (%s); choose one with --name", pv, problems[0])
	}
	return pv, nil
}

func (i Import) size(found *candidate) (string, error) {
	switch {
	case i.Size != "":
		quantity, err := resource.ParseQuantity(i.Size)
		if err != nil || quantity.Sign() <= 0 {
			return "", fmt.Errorf("--size=%s: must be a quantity such as 20Gi", i.Size)
		}
		return quantity.String(), nil
	case found == nil:
		return "", errors.New("the size is unknown, because gluster does not report it; write it, as in --size=20Gi")
	}
	return fmt.Sprintf("%dGi", found.volume().SizeGiB), nil
}

// source returns the CSI source.
func (i Import) source(found *candidate, name, directory, pv string, listed []GlusterVolume) (map[string]any, error) {
	if i.Adopt {
		v := found.volume()
		servers, err := checkServers(found.inventory.Dump.Hosts(v.Cluster))
		if err != nil {
			return nil, err
		}
		handle := volume.Handle{Backend: found.inventory.Backend, ID: found.id, Adopted: !volume.IsOurs(v.Name)}
		made := volume.Volume{Handle: handle, Name: v.Name, Servers: servers, Cluster: v.Cluster, GID: v.GID, MountOptions: v.MountOptions}
		return map[string]any{"driver": i.Driver, "volumeHandle": handle.String(), "volumeAttributes": toAny(made.Context())}, nil
	}
	var inventories []Inventory
	if found != nil {
		inventories = []Inventory{found.inventory}
	}
	proof, err := proveStatic(Source{Volume: name}, inventories, listed)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(name+"/"+directory, "/")
	attributes := map[string]any{volume.ContextVolume: path, volume.ContextServers: strings.Join(proof.servers, ",")}
	return map[string]any{"driver": i.Driver, "volumeHandle": staticHandle(pv), "volumeAttributes": attributes}, nil
}

func (i Import) claim(pv, size string) (*unstructured.Unstructured, error) {
	namespace, name, ok := strings.Cut(i.Claim, "/")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return nil, fmt.Errorf("--claim=%s: write NAMESPACE/NAME", i.Claim)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{
			"accessModes": []any{"ReadWriteMany"}, "resources": map[string]any{"requests": map[string]any{"storage": size}},
			"storageClassName": i.Class, "volumeName": pv,
		},
	}}, nil
}
