package e2e

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// What gluster, Heketi, the bricks and the nodes know themselves.

// glusterVolume is what gluster knows of a volume.
type glusterVolume struct {
	Name   string   `xml:"name"`
	Status string   `xml:"statusStr"`
	Type   string   `xml:"typeStr"`
	Bricks []string `xml:"bricks>brick>name"`
}

// gluster runs the gluster command on a storage node.
func gluster(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cluster.Lab().Storage(1).Command(t.Context(), "gluster", append([]string{"--mode=script"}, args...)...).Output()
	if err != nil {
		t.Fatalf("gluster %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// inGluster are gluster's volumes of a name: one or none.
func inGluster(t *testing.T, name string) []glusterVolume {
	t.Helper()
	var answer struct {
		Volumes []glusterVolume `xml:"volInfo>volumes>volume"`
	}
	if err := xml.Unmarshal([]byte(gluster(t, "volume", "info", "all", "--xml")), &answer); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(answer.Volumes, func(v glusterVolume) bool { return v.Name != name })
}

// mustGluster is for a volume that has to be there, and started.
func mustGluster(t *testing.T, name string) glusterVolume {
	t.Helper()
	found := inGluster(t, name)
	if len(found) != 1 || found[0].Status != "Started" {
		t.Fatalf("gluster has %+v by the name %q, want one that is started", found, name)
	}
	return found[0]
}

// bricks are the directories of the bricks as the host sees them.
func (v glusterVolume) bricks(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, brick := range v.Bricks {
		host, path, _ := strings.Cut(brick, ":")
		for i := 1; i <= lab.StorageNodes; i++ {
			m := cluster.Lab().Storage(i)
			if m.IP != host {
				continue
			}
			pid, err := m.Pid(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, fmt.Sprintf("/proc/%d/root%s", pid, path))
		}
	}
	if len(paths) != len(v.Bricks) {
		t.Fatalf("%v: not all are on machines of the lab", v.Bricks)
	}
	return paths
}

// onBricks checks that a file of this content is on all bricks of a volume.
func onBricks(t *testing.T, volume, file, content string) {
	t.Helper()
	for _, brick := range mustGluster(t, volume).bricks(t) {
		if data, err := os.ReadFile(filepath.Join(brick, file)); err != nil || string(data) != content {
			t.Errorf("%s/%s is %q (%v), want %q", brick, file, data, err, content)
		}
	}
}

// heketiVolume is what a Heketi knows of a volume.
type heketiVolume struct {
	Name string
	GiB  int
}

// inHeketi are a Heketi's volumes of a name, finished or not: "volume list" would hide the others.
func inHeketi(t *testing.T, h *lab.Heketi, name string) []heketiVolume {
	t.Helper()
	return slices.DeleteFunc(heketiVolumes(t, h), func(v heketiVolume) bool { return v.Name != name })
}

// heketiVolumes are all that Heketi has, finished or not.
func heketiVolumes(t *testing.T, h *lab.Heketi) []heketiVolume {
	t.Helper()
	out, err := h.CLI(t.Context(), "db", "dump")
	if err != nil {
		t.Fatal(err)
	}
	var dump struct {
		Volumes map[string]struct {
			Info struct {
				Name string `json:"name"`
				Size int    `json:"size"`
			} `json:"Info"`
		} `json:"volumeentries"`
	}
	if err := json.Unmarshal(out, &dump); err != nil {
		t.Fatal(err)
	}
	found := make([]heketiVolume, 0, len(dump.Volumes))
	for _, v := range dump.Volumes {
		found = append(found, heketiVolume{Name: v.Info.Name, GiB: v.Info.Size})
	}
	return found
}

// nowhere checks that Heketi, gluster, the bricks and the nodes know nothing of a volume any more.
func nowhere(t *testing.T, volume string, bricks []string) {
	t.Helper()
	if found := inHeketi(t, cluster.Lab().Heketi(), volume); len(found) > 0 {
		t.Errorf("Heketi still has %+v", found)
	}
	if found := inGluster(t, volume); len(found) > 0 {
		t.Errorf("gluster still has %+v", found)
	}
	if len(bricks) == 0 {
		t.Error("no bricks to look at")
	}
	for _, brick := range bricks {
		if _, err := os.Stat(brick); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("brick %s is still there (%v)", brick, err)
		}
	}
	for i := 1; i <= lab.ClientNodes; i++ {
		eventually(t, func() error {
			if found := clients(t, i, volume); len(found) > 0 {
				return fmt.Errorf("node %d still has the clients %q", i, found)
			}
			return nil
		})
	}
}

// clients are the command lines of a node's FUSE clients of a gluster volume.
func clients(t *testing.T, node int, volume string) []string {
	t.Helper()
	out, err := cluster.Node(node).Machine.Command(t.Context(), "ps", "-ww", "-eo", "args").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		args := strings.Fields(line)
		if filepath.Base(args[0]) == "glusterfs" && slices.Contains(args, "--volfile-id=/"+volume) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
