package integration

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const commandLimit = time.Minute

// command runs a program inside a machine and returns what it printed.
func (r *rig) command(m *lab.Machine, name string, args ...string) (string, error) {
	out, err := m.Command(r.ctx(commandLimit), name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %s %s: %w: %s%s", m.Name, name, strings.Join(args, " "), err, out, exit.Stderr)
	}
	return string(out), err
}

// gluster runs the gluster command on the i-th storage machine.
func (r *rig) gluster(i int, args ...string) string {
	r.Helper()
	out, err := r.command(r.lab.Storage(i), "gluster", append([]string{"--mode=script"}, args...)...)
	r.ok(err, "gluster")
	return out
}

// glusterVolume is what gluster itself knows of a volume.
type glusterVolume struct {
	Name       string   `xml:"name"`
	Status     string   `xml:"statusStr"`
	Type       string   `xml:"typeStr"`
	Bricks     []string `xml:"bricks>brick>name"` // host:/path
	Replica    int      `xml:"replicaCount"`
	Disperse   int      `xml:"disperseCount"`
	Redundancy int      `xml:"redundancyCount"`
}

// glusterVolumes asks storage2, since storage1 is the one that tests switch off.
func (r *rig) glusterVolumes() []glusterVolume {
	r.Helper()
	var answer struct {
		Volumes []glusterVolume `xml:"volInfo>volumes>volume"`
	}
	out := r.gluster(2, "volume", "info", "all", "--xml")
	r.ok(xml.Unmarshal([]byte(out), &answer), "read gluster volume info")
	return answer.Volumes
}

// glusterVolume finds a volume by name.
func (r *rig) glusterVolume(name string) (glusterVolume, bool) {
	r.Helper()
	all := r.glusterVolumes()
	i := slices.IndexFunc(all, func(v glusterVolume) bool { return v.Name == name })
	if i < 0 {
		return glusterVolume{}, false
	}
	return all[i], true
}

// mustGlusterVolume is for a volume that has to be there.
func (r *rig) mustGlusterVolume(name string) glusterVolume {
	r.Helper()
	v, ok := r.glusterVolume(name)
	if !ok {
		r.Fatalf("gluster has no volume %q; it has %+v", name, r.glusterVolumes())
	}
	return v
}

// brickPaths are the bricks' directories as seen from the host. Those of machines that are off are left out.
func (r *rig) brickPaths(v glusterVolume) []string {
	r.Helper()
	var paths []string
	for _, brick := range v.Bricks {
		_, path, _ := strings.Cut(brick, ":")
		if pid, err := r.lab.Storage(r.hostOf(brick)).Pid(r.ctx(commandLimit)); err == nil {
			paths = append(paths, fmt.Sprintf("/proc/%d/root%s", pid, path))
		}
	}
	return paths
}

// hostOf is the number of the storage machine that has a brick.
func (r *rig) hostOf(brick string) int {
	r.Helper()
	host, _, _ := strings.Cut(brick, ":")
	for i := 1; i <= lab.StorageNodes; i++ {
		if m := r.lab.Storage(i); m.IP == host || m.Name == host {
			return i
		}
	}
	r.Fatalf("brick %s is on no machine of the lab", brick)
	return 0
}

// onBricks counts the bricks that hold a file of this content.
func (r *rig) onBricks(v glusterVolume, file, content string) int {
	r.Helper()
	found := 0
	for _, brick := range r.brickPaths(v) {
		data, err := os.ReadFile(filepath.Join(brick, file))
		if err == nil && string(data) == content {
			found++
		}
	}
	return found
}

// heketiVolume is what Heketi's database knows of a volume, finished or not.
type heketiVolume struct {
	ID         string
	Name       string
	GiB        int
	Durability string
	Pending    string // operation
}

// heketiVolumes reads the database through heketi-cli, since volume list hides what is pending.
func (r *rig) heketiVolumes() []heketiVolume {
	r.Helper()
	out, err := r.lab.Heketi().CLI(r.ctx(commandLimit), "db", "dump")
	r.ok(err, "heketi-cli db dump")
	var dump struct {
		Volumes map[string]struct {
			Info struct {
				Name       string `json:"name"`
				Size       int    `json:"size"`
				Durability struct {
					Type      string `json:"type"`
					Replicate struct {
						Replica int `json:"replica"`
					} `json:"replicate"`
					Disperse struct {
						Data       int `json:"data"`
						Redundancy int `json:"redundancy"`
					} `json:"disperse"`
				} `json:"durability"`
			} `json:"Info"`
			Pending struct {
				ID string `json:"Id"`
			} `json:"Pending"`
		} `json:"volumeentries"`
	}
	r.ok(json.Unmarshal(out, &dump), "read heketi-cli db dump")
	all := make([]heketiVolume, 0, len(dump.Volumes))
	for id, v := range dump.Volumes {
		d := v.Info.Durability
		durability := d.Type
		switch d.Type {
		case "replicate":
			durability = fmt.Sprintf("replicate:%d", d.Replicate.Replica)
		case "disperse":
			durability = fmt.Sprintf("disperse:%d:%d", d.Disperse.Data, d.Disperse.Redundancy)
		}
		all = append(all, heketiVolume{ID: id, Name: v.Info.Name, GiB: v.Info.Size, Durability: durability, Pending: v.Pending.ID})
	}
	return all
}

// inHeketi are Heketi's volumes of a name; there may never be two.
func (r *rig) inHeketi(name string) []heketiVolume {
	r.Helper()
	return slices.DeleteFunc(r.heketiVolumes(), func(v heketiVolume) bool { return v.Name != name })
}

// nowhere checks that Heketi, gluster and the bricks know nothing of a volume any more.
func (r *rig) nowhere(v glusterVolume, bricks []string) {
	r.Helper()
	if found := r.inHeketi(v.Name); len(found) > 0 {
		r.Errorf("Heketi still has %+v", found)
	}
	if found, ok := r.glusterVolume(v.Name); ok {
		r.Errorf("gluster still has %+v", found)
	}
	for _, brick := range bricks {
		if _, err := os.Stat(brick); !errors.Is(err, fs.ErrNotExist) {
			r.Errorf("brick %s is still there (%v)", brick, err)
		}
	}
}
