package migrate

import (
	"io"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/glustercli"
)

// GlusterVolume is a volume in the output of gluster volume info --xml.
type GlusterVolume struct {
	Name    string
	Servers []string // the servers with bricks, each listed once
}

// ReadVolumeInfo reads the output of gluster volume info --xml (glusterfs: cli/src/cli-xml-output.c).
func ReadVolumeInfo(r io.Reader) ([]GlusterVolume, error) {
	var output struct {
		Volumes []struct {
			Name   string `xml:"name"`
			Bricks []struct {
				Name string `xml:"name"` // host:/path
			} `xml:"bricks>brick"`
		} `xml:"volInfo>volumes>volume"`
	}
	if err := glustercli.Decode(r, "volume info", &output); err != nil {
		return nil, err
	}
	volumes := make([]GlusterVolume, 0, len(output.Volumes))
	for _, v := range output.Volumes {
		found := GlusterVolume{Name: v.Name}
		for _, brick := range v.Bricks {
			host, _, ok := strings.Cut(brick.Name, ":/") // IPv6 addresses have colons, too
			if ok && host != "" && !slices.Contains(found.Servers, host) {
				found.Servers = append(found.Servers, host)
			}
		}
		volumes = append(volumes, found)
	}
	return volumes, nil
}
