package heketi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Dump is the part of Heketi's database that the driver needs. Unlike volume info and list it contains pending volumes, and it
// takes one request for any number of volumes.
type Dump struct {
	Clusters   map[string]DumpCluster
	Volumes    map[string]DumpVolume
	Operations map[string]DumpOperation
	Nodes      map[string]DumpNode
	Devices    map[string]DumpDevice
}

// DumpCluster is a cluster in the database.
type DumpCluster struct {
	Nodes []string // ids, in Heketi's order
	File  bool     // it takes file volumes; if not, it is reserved for block volumes
}

// DumpVolume is a volume in the database.
type DumpVolume struct {
	Name       string
	Cluster    string
	SizeGiB    int
	GID        int64
	Durability volume.Durability
	Block      bool   // it hosts block volumes
	Pending    string // id of the operation that makes, removes or clones it; "": complete
	// MountOptions are the mount options of the volume's profile.
	MountOptions []string
}

// DumpOperation is an unfinished operation. Its status is "" while it runs, "stale" if Heketi was restarted in the middle, and
// "failed" if it could not be undone. Heketi cleans up stale and failed operations after its start and then every hour.
type DumpOperation struct {
	Status string
}

// DumpNode is a node as an administrator has set it up. Heketi does not record whether the node answers.
type DumpNode struct {
	Host   string // storage address
	Zone   int
	Online bool
	Tags   map[string]string
}

// DumpDevice is a disk of a node.
type DumpDevice struct {
	Node      string // id
	Online    bool
	FreeKiB   uint64
	ExtentKiB uint64 // sizes of thin pools are multiples of it
	Tags      map[string]string
}

// Hosts returns the storage addresses of a cluster's nodes, in the order of volume info (heketi:
// apps/glusterfs/volume_entry_create.go).
func (d Dump) Hosts(cluster string) []string {
	var hosts []string
	for _, id := range d.Clusters[cluster].Nodes {
		if host := d.Nodes[id].Host; host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// readDump decodes the dump entry by entry: with thousands of volumes it has tens of megabytes, nearly all of them bricks
// (heketi: apps/glusterfs/dbcommon.go, Db).
func readDump(r io.Reader) (Dump, error) {
	return decodeDump(newStreamDecoder(r))
}

// decodeDump reads the next value, which is a dump.
func decodeDump(decoder *json.Decoder) (Dump, error) {
	dump := Dump{
		Clusters:   map[string]DumpCluster{},
		Volumes:    map[string]DumpVolume{},
		Operations: map[string]DumpOperation{},
		Nodes:      map[string]DumpNode{},
		Devices:    map[string]DumpDevice{},
	}
	seen := map[string]bool{}
	err := eachMember(decoder, func(section string) error {
		seen[section] = true
		return eachMember(decoder, func(id string) error { return dump.add(decoder, section, id) })
	})
	if err != nil {
		return Dump{}, fmt.Errorf("database dump: %w", err)
	}
	// An answer without these two sections is not a dump, and no conclusions may be drawn from it.
	if !seen["clusterentries"] || !seen["volumeentries"] {
		return Dump{}, errors.New("the answer is not a dump of Heketi's database")
	}
	return dump, nil
}

// ignored accepts any JSON value and discards it.
type ignored struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// eachMember calls read for each member of the next value, which must be an object. The function read must decode the member's
// value. A null counts as an empty object.
func eachMember(decoder *json.Decoder, read func(name string) error) error {
	token, err := decoder.Token()
	if token == nil { // there is no token if there is an error
		return err
	}
	if token != json.Delim('{') {
		return fmt.Errorf("found %v where an object was expected", token)
	}
	for n := 0; decoder.More(); n++ {
		if n == mostMembers {
			return errManyMembers
		}
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if err := read(name.(string)); err != nil { // the decoder returns only strings here
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
