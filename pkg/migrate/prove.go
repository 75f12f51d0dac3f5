package migrate

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// candidate is a volume in Heketi that a PersistentVolume may stand for.
type candidate struct {
	inventory Inventory
	id        string
}

func (c candidate) volume() heketi.DumpVolume { return c.inventory.Dump.Volumes[c.id] }

func (c candidate) String() string { return fmt.Sprintf("%s in backend %q", c.id, c.inventory.Backend) }

// candidates returns the volumes with the id or, if id is empty, with the name.
func candidates(inventories []Inventory, id, name string) []candidate {
	var found []candidate
	for _, inventory := range inventories {
		for _, each := range slices.Sorted(maps.Keys(inventory.Dump.Volumes)) {
			if each == id || id == "" && inventory.Dump.Volumes[each].Name == name {
				found = append(found, candidate{inventory, each})
			}
		}
	}
	return found
}

// unreadable names the backends that could not be read.
func unreadable(inventories []Inventory) string {
	var names []string
	for _, inventory := range inventories {
		if inventory.Err != nil {
			names = append(names, fmt.Sprintf("%q (%v)", inventory.Backend, inventory.Err))
		}
	}
	return strings.Join(names, ", ")
}

// proveDynamic finds the one volume in Heketi that a dynamic PersistentVolume can stand for, and compares everything that both
// record: name, size and servers.
func proveDynamic(pv persistentVolume, source Source, inventories []Inventory) (c candidate, proofs []string, err error) {
	if c, err = theCandidate(source, inventories); err != nil {
		return candidate{}, nil, err
	}
	if err := compareRecord(pv, source, c); err != nil {
		return candidate{}, nil, err
	}
	v, hosts := c.volume(), c.inventory.Dump.Hosts(c.volume().Cluster)
	proofs = []string{fmt.Sprintf("Heketi %q has volume %s with the name %s and %d GiB", c.inventory.Backend, c.id, v.Name, v.SizeGiB)}
	switch {
	case len(hosts) == 0:
		return candidate{}, nil, fmt.Errorf("no server of cluster %s, which has %s, is recorded in Heketi", v.Cluster, c)
	case len(source.Servers) == 0: // a warning reports this
	case !mayBeSame(source.Servers, hosts):
		return candidate{}, nil, fmt.Errorf("its Endpoints %s name %s, but Heketi has the volume in cluster %s, whose servers are %s",
			source.Endpoints, strings.Join(source.Servers, ", "), v.Cluster, strings.Join(hosts, ", "))
	default:
		proofs = append(proofs, fmt.Sprintf("servers of its Endpoints %s are servers of cluster %s", source.Endpoints, v.Cluster))
	}
	return c, proofs, nil
}

// theCandidate returns the only volume that the source can mean. It returns an error if there is none, or more than one.
func theCandidate(source Source, inventories []Inventory) (candidate, error) {
	found := candidates(inventories, source.HeketiID, source.Volume)
	by := "the id " + source.HeketiID
	if source.HeketiID == "" {
		by = "the name " + source.Volume
	}
	switch {
	case len(found) > 1:
		return candidate{}, fmt.Errorf("several volumes have %s: %v; remove the backend that is configured twice, or the volume that is a copy", by, found)
	case source.HeketiID == "" && unreadable(inventories) != "":
		return candidate{}, fmt.Errorf("only its name is known, and another volume of that name may be in the Heketis that could not be read: %s", unreadable(inventories))
	case len(found) == 0 && unreadable(inventories) != "":
		return candidate{}, fmt.Errorf("no Heketi that could be read has a volume with %s; these could not be read: %s", by, unreadable(inventories))
	case len(found) == 0:
		return candidate{}, fmt.Errorf("no configured Heketi has a volume with %s; add the backend that has it to the configuration", by)
	}
	return found[0], nil
}

// compareRecord returns an error if Heketi's record does not match the PersistentVolume.
func compareRecord(pv persistentVolume, source Source, c candidate) error {
	v := c.volume()
	size, err := sizeGiB(pv)
	switch {
	case err != nil:
		return err
	case v.Name != source.Volume:
		return fmt.Errorf("the PersistentVolume mounts gluster volume %s, and %s has the name %s; the id or the path belongs to another volume",
			source.Volume, c, v.Name)
	case source.Directory != "":
		return fmt.Errorf("it mounts the directory %s, and the provisioner only made whole volumes: it was copied from another one; "+
			"remove the annotation %s to have it treated as made by hand", source.Directory, annotationProvisionedBy)
	case v.Pending != "":
		return fmt.Errorf("an operation of Heketi is changing %s (%s); plan again when it has ended", c, v.Pending)
	case v.Block:
		return fmt.Errorf("%s hosts block volumes", c)
	case v.SizeGiB != size:
		return fmt.Errorf("the PersistentVolume has %d GiB, and %s has %d GiB; correct spec.capacity.storage of the PersistentVolume if Heketi is right",
			size, c, v.SizeGiB)
	}
	return nil
}

// sizeGiB returns the PersistentVolume's size, rounded up as the in-tree plugin rounded it for Heketi.
func sizeGiB(pv persistentVolume) (int, error) {
	text := fmt.Sprint(pv.Spec.Capacity["storage"])
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, fmt.Errorf("spec.capacity.storage %q: %w", text, err)
	}
	return volume.Capacity{RequiredBytes: quantity.Value()}.SizeGiB(1)
}

// staticProof is the proof that a gluster volume exists, for a PersistentVolume that was made by hand.
type staticProof struct {
	servers []string // the servers to mount from
	by      Evidence
	texts   []string // for people
}

// proveStatic proves, for a PersistentVolume that was made by hand, that its gluster volume is in a Heketi or in gluster's own
// list. The driver only mounts such a volume and cannot damage it, but pods do not start if the volume does not exist. If the
// Endpoints have no servers, the servers of the proof are used.
func proveStatic(source Source, inventories []Inventory, listed []GlusterVolume) (staticProof, error) {
	var servers []string
	var proof staticProof
	several := false // volumes of this name on different servers
	for _, v := range listed {
		if v.Name == source.Volume && mayBeSame(source.Servers, v.Servers) {
			several = several || !mayBeSame(servers, v.Servers)
			servers, proof.by.VolumeInfo = v.Servers, true
			proof.texts = append(proof.texts, fmt.Sprintf("gluster volume info has %s, on %s", v.Name, strings.Join(v.Servers, ", ")))
		}
	}
	for _, c := range candidates(inventories, "", source.Volume) {
		hosts := c.inventory.Dump.Hosts(c.volume().Cluster)
		if mayBeSame(source.Servers, hosts) {
			several = several || !mayBeSame(servers, hosts)
			servers, proof.by.Backends = hosts, append(proof.by.Backends, c.inventory.Backend)
			proof.texts = append(proof.texts, fmt.Sprintf("Heketi %q has %s with the id %s", c.inventory.Backend, source.Volume, c.id))
		}
	}
	switch {
	case len(proof.texts) == 0 && unreadable(inventories) != "":
		return staticProof{}, fmt.Errorf("nothing proves that gluster volume %s exists, and these Heketis could not be read: %s; fix this, or give the output of "+
			"gluster volume info --xml from one of its servers with --volume-info=FILE", source.Volume, unreadable(inventories))
	case len(proof.texts) == 0:
		return staticProof{}, fmt.Errorf("nothing proves that gluster volume %s exists: no configured Heketi has it on the servers of its Endpoints; "+
			"give the output of gluster volume info --xml from one of its servers with --volume-info=FILE", source.Volume)
	case len(source.Servers) > 0:
		servers = source.Servers
	case several:
		return staticProof{}, fmt.Errorf("its servers are not known, and there are several gluster volumes of this name: %s", strings.Join(proof.texts, "; "))
	}
	var err error
	proof.servers, err = checkServers(servers)
	return proof, err
}

// mayBeSame reports whether hosts can be servers of the gluster cluster that has these addresses. A host name matches every
// address, because it is not looked up.
func mayBeSame(addresses, hosts []string) bool {
	return len(addresses) == 0 || slices.ContainsFunc(hosts, func(host string) bool {
		return slices.Contains(addresses, host) || net.ParseIP(host) == nil
	})
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
