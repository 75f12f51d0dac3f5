package migrate

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// GlusterVolume is a volume in the output of gluster volume info --xml.
type GlusterVolume struct {
	Name    string
	Servers []string // those that have bricks, each once
}

// mostVolumeInfo bounds the size of a volume info, in bytes. A brick takes about 200.
const mostVolumeInfo = 64 << 20

// ReadVolumeInfo reads the output of gluster volume info --xml (glusterfs: cli/src/cli-xml-output.c).
func ReadVolumeInfo(r io.Reader) ([]GlusterVolume, error) {
	var output struct {
		Result  *int   `xml:"opRet"`
		Message string `xml:"opErrstr"`
		Volumes []struct {
			Name   string `xml:"name"`
			Bricks []struct {
				Name string `xml:"name"` // host:/path
			} `xml:"bricks>brick"`
		} `xml:"volInfo>volumes>volume"`
	}
	limited := &io.LimitedReader{R: r, N: mostVolumeInfo + 1}
	err := xml.NewDecoder(limited).Decode(&output)
	switch {
	case limited.N == 0:
		return nil, fmt.Errorf("it has more than %d MiB", mostVolumeInfo>>20)
	case err != nil:
		return nil, fmt.Errorf("this is not the output of gluster volume info --xml: %w", err)
	case output.Result == nil:
		return nil, errors.New("this is not the output of gluster volume info --xml: it has no opRet")
	case *output.Result != 0:
		return nil, fmt.Errorf("gluster volume info has failed: %q", output.Message)
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
