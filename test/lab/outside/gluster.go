// Package outside reads the state of volumes outside the driver: in gluster, in Heketi, on the bricks and on the nodes of a lab.
// Tests compare the driver's answers with it.
package outside

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// GlusterVolume is a volume as gluster reports it.
type GlusterVolume struct {
	Name       string   `xml:"name"`
	Status     string   `xml:"statusStr"`         // Created, Started, Stopped
	Type       string   `xml:"typeStr"`           // Distribute, Replicate, Disperse, Distributed-Replicate, ...
	Bricks     []string `xml:"bricks>brick>name"` // host:/path
	Replica    int      `xml:"replicaCount"`
	Disperse   int      `xml:"disperseCount"`
	Redundancy int      `xml:"redundancyCount"`
}

// Gluster runs the gluster command on a storage machine and returns its output.
func Gluster(ctx context.Context, storage *lab.Machine, args ...string) (string, error) {
	return storage.Output(ctx, "gluster", append([]string{"--mode=script"}, args...)...)
}

// GlusterVolumes lists gluster's volumes. It asks storage2, because tests switch off storage1.
func GlusterVolumes(ctx context.Context, l *lab.Lab) ([]GlusterVolume, error) {
	out, err := Gluster(ctx, l.Storage(2), "volume", "info", "all", "--xml")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Volumes []GlusterVolume `xml:"volInfo>volumes>volume"`
	}
	if err := xml.Unmarshal([]byte(out), &answer); err != nil {
		return nil, fmt.Errorf("gluster volume info: %w", err)
	}
	return answer.Volumes, nil
}

// InGluster returns gluster's volumes of a name: one or none.
func InGluster(ctx context.Context, l *lab.Lab, name string) ([]GlusterVolume, error) {
	all, err := GlusterVolumes(ctx, l)
	return slices.DeleteFunc(all, func(v GlusterVolume) bool { return v.Name != name }), err
}
