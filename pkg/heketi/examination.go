package heketi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
)

// Examination is the result of Heketi's queries to every gluster node: which volumes gluster has, and which of the bricks' file
// systems are mounted. It does not include whether brick processes run (heketi: apps/glusterfs/examiner.go).
type Examination struct {
	Database Dump
	Clusters map[string]ExaminedCluster // by Heketi's id
}

// ExaminedCluster holds the answers of a cluster's nodes.
type ExaminedCluster struct {
	Nodes   map[string]ExaminedNode  // by Heketi's id
	Volumes map[string]GlusterVolume // by name, as reported by the nodes; nil: glusterd has answered on no node
}

// ExaminedNode is a gluster node.
type ExaminedNode struct {
	Reached  bool            // Heketi could run a command on it
	Glusterd bool            // its glusterd has answered
	Mounted  map[string]bool // by the mount point of a brick's file system; nil: not known
}

// GlusterVolume is a volume as gluster reports it.
type GlusterVolume struct {
	Status string   // "Started", "Stopped" or "Created"
	Bricks []string // host:/path, the bricks of a set next to each other
	Set    int      // number of bricks in a set: copies, or pieces of a dispersed volume; at least 1
	Needed int      // number of bricks of a set that reads and writes need
}

// Started reports whether the volume can be mounted.
func (v GlusterVolume) Started() bool { return v.Status == "Started" }

// Examine makes Heketi query all gluster nodes, one after the other. That takes seconds, or minutes if a node does not answer at
// all. Heketi goes on after the caller has stopped waiting.
func (c *Client) Examine(ctx context.Context) (Examination, error) {
	var found Examination
	client, err := c.apiWithin(ctx, c.backend.timing.Examine, func(body io.Reader) (err error) {
		found, err = readExamination(body)
		return err
	})
	if err != nil {
		return Examination{}, err
	}
	if _, err := client.StateExamineGluster(); err != nil {
		return Examination{}, c.typed(err, http.MethodGet, "/internal/state/examine/gluster")
	}
	if err := c.backend.recognise(slices.Collect(maps.Keys(found.Database.Clusters))); err != nil {
		return Examination{}, err
	}
	return found, nil
}

// readExamination decodes node by node: each node repeats what gluster reports about every volume.
func readExamination(r io.Reader) (Examination, error) {
	found := Examination{Clusters: map[string]ExaminedCluster{}}
	decoder := newStreamDecoder(r)
	seen := map[string]bool{}
	err := eachMember(decoder, func(name string) (err error) {
		seen[name] = true
		switch name {
		case "heketidb":
			found.Database, err = decodeDump(decoder)
			return err
		case "clusters":
			return eachElement(decoder, func() error { return found.readCluster(decoder) })
		}
		return decoder.Decode(&ignored{})
	})
	if err != nil {
		return Examination{}, fmt.Errorf("examination of gluster: %w", err)
	}
	if !seen["heketidb"] || !seen["clusters"] {
		return Examination{}, errors.New("the answer is not an examination of gluster")
	}
	return found, nil
}

func (e *Examination) readCluster(decoder *json.Decoder) error {
	id, cluster := "", ExaminedCluster{Nodes: map[string]ExaminedNode{}}
	err := eachMember(decoder, func(name string) error {
		switch name {
		case "ClusterHeketiID":
			return decoder.Decode(&id)
		case "NodesData":
			return eachElement(decoder, func() error {
				var node nodeData
				if err := decoder.Decode(&node); err != nil {
					return err
				}
				cluster.add(node)
				return nil
			})
		}
		return decoder.Decode(&ignored{})
	})
	e.Clusters[id] = cluster
	return err
}

// add keeps, for each volume, the report of the first node that has the volume. All nodes report the same, except a node that was
// detached or reinstalled: it reports no volumes.
func (c *ExaminedCluster) add(node nodeData) {
	c.Nodes[node.NodeHeketiID] = node.examined()
	if node.VolumeInfo == nil {
		return
	}
	if c.Volumes == nil {
		c.Volumes = map[string]GlusterVolume{}
	}
	for _, v := range node.VolumeInfo.Volumes.VolumeList {
		if _, ok := c.Volumes[v.VolumeName]; !ok {
			c.Volumes[v.VolumeName] = v.volume()
		}
	}
}

// eachElement calls read for each element of the next value, which must be an array. The function read must decode the element. A
// null counts as an empty array.
func eachElement(decoder *json.Decoder, read func() error) error {
	token, err := decoder.Token()
	if token == nil { // there is no token if there is an error
		return err
	}
	if token != json.Delim('[') {
		return fmt.Errorf("found %v where an array was expected", token)
	}
	for n := 0; decoder.More(); n++ {
		if n == mostMembers {
			return errManyMembers
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

// BrickMounted reports whether the file system of a brick is mounted on the node. The result known is false if the node did not
// report it. Heketi makes each brick one level below the mount point of its file system.
func (n ExaminedNode) BrickMounted(brick string) (mounted, known bool) {
	mounted, known = n.Mounted[path.Dir(brick)]
	return mounted, known
}
