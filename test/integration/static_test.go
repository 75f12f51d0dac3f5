package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// handMade makes a gluster volume as an administrator does, and returns its brick's path on the host.
func (r *rig) handMade(name string) (brick string) {
	r.Helper()
	brick = filepath.Join(r.lab.Dir(), "storage2", name) // the machine shares the host's file system
	r.ok(os.MkdirAll(brick, 0o755), "make the brick")
	r.gluster(2, "volume", "create", name, r.lab.Storage(2).IP+":"+brick, "force")
	r.Cleanup(func() {
		r.gluster(2, "volume", "stop", name, "force")
		r.gluster(2, "volume", "delete", name)
		r.ok(os.RemoveAll(brick), "remove the brick")
	})
	r.gluster(2, "volume", "start", name)
	return brick
}

// TestStatic mounts a volume that is not in Heketi, in each way in which one can be described.
func TestStatic(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.handMade("hand-made")
	servers := r.lab.Storage(1).IP + "," + r.lab.Storage(2).IP
	r.ok(os.MkdirAll(filepath.Join(brick, "above"), 0o755), "prepare")
	whole := static("by-hand", servers, "hand-made")
	target := r.publish(n, whole, r.stage(n, whole), false)
	r.ok(os.MkdirAll(r.inside(n, target, "sub", "dir"), 0o755), "make a directory on the volume")
	r.write(n, "deep", target, "sub", "dir", "file")
	if data, err := os.ReadFile(filepath.Join(brick, "sub", "dir", "file")); string(data) != "deep" {
		r.Fatalf("the brick has %q, %v", data, err)
	}
	for _, c := range []struct {
		name       string
		attributes map[string]string
		flags      []string
		args       []string // of the client, in this order
		mounted    []string // options in mountinfo
		entries    []string
	}{
		{
			name:       "one server by name",
			attributes: map[string]string{"server": "storage2", "volume": "hand-made"},
			args:       []string{"--volfile-server=storage2", "--volfile-id=/hand-made"},
			entries:    []string{"above", "sub"},
		},
		{
			name:       "the first server refuses",
			attributes: map[string]string{"servers": r.lab.Hub().IP + ",storage2", "volume": "hand-made"},
			args:       []string{"--volfile-server=storage2", "--volfile-server=" + r.lab.Hub().IP},
			entries:    []string{"above", "sub"},
		},
		{
			name:       "a directory of the volume",
			attributes: map[string]string{"servers": servers, "volume": "hand-made/sub/dir"},
			args:       []string{"--volfile-id=/hand-made", "--lru-limit=0"},
			entries:    []string{"file"},
		},
		{
			name:       "mount options",
			attributes: map[string]string{"server": r.lab.Storage(2).IP, "volume": "hand-made", "mountOptions": "noatime,attribute-timeout=7"},
			flags:      []string{"log-level=ERROR", "backup-volfile-servers=storage3"},
			args: []string{
				"--log-level=ERROR",
				"--volfile-server=" + r.lab.Storage(2).IP, "--volfile-server=storage3",
				"--attribute-timeout=7", "--fuse-mountopts=noatime",
			},
			mounted: []string{"noatime", "rw"},
			entries: []string{"above", "sub"},
		},
		{
			name: "mount options of fstab and in-tree volumes",
			attributes: map[string]string{"server": r.lab.Storage(2).IP, "volume": "hand-made",
				"mountOptions": "_netdev,backup-volfile-servers=storage3,storage1,log-level=INFO,log-file=/var/log/x.log"},
			flags: []string{"x-systemd.automount,noatime", "auto_unmount", "nofail", "volfile-max-fetch-attempts=3", "backupvolfile-server=storage1"},
			args: []string{
				"--log-level=INFO",
				"--volfile-server=" + r.lab.Storage(2).IP, "--volfile-server=storage3", // storage1 comes before or after it
				"--fuse-mountopts=noatime",
			},
			mounted: []string{"noatime", "rw"},
			entries: []string{"above", "sub"},
		},
		{
			name:       "read-only",
			attributes: map[string]string{"servers": servers, "volume": "hand-made"},
			flags:      []string{"ro"},
			args:       []string{"--read-only"},
			mounted:    []string{"ro"},
			entries:    []string{"above", "sub"},
		},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			v := &csi.Volume{VolumeId: c.name, VolumeContext: c.attributes}
			other := r.nodes[1] // the volume is not mounted there yet
			staging := r.stage(other, v, c.flags...)
			target := r.publish(other, v, staging, false)
			if names := r.list(other, target); !slices.Equal(names, c.entries) {
				r.Errorf("the mount has %v, want %v", names, c.entries)
			}
			args := r.onlyClient(other, "hand-made").Args
			rest := args
			for _, want := range c.args {
				i := slices.Index(rest, want)
				if i < 0 {
					r.Fatalf("the client's arguments have no %s, or not in the order %v: %v", want, c.args, args)
				}
				rest = rest[i+1:]
			}
			options := strings.Split(r.glusterMount(other, target).Options, ",")
			for _, want := range c.mounted {
				if !slices.Contains(options, want) {
					r.Errorf("mountinfo has no %s at the target: %v", want, options)
				}
			}
			r.unpublish(other, v, target)
			r.unstage(other, v, staging)
			r.noClient(other, "hand-made")
		})
	}
}

// list returns the names in a directory on the node, apart from gluster's own.
func (r *rig) list(n *node, path string) []string {
	r.Helper()
	entries, err := os.ReadDir(r.inside(n, path))
	r.ok(err, "list")
	var names []string
	for _, e := range entries {
		if e.Name() != ".trashcan" {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestStaticIsNotOurs calls the controller with a volume that it did not make: the controller must not delete it, and must not
// report wrong facts about it.
func TestStaticIsNotOurs(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.handMade("hand-made-too")
	v := static("hand-made-too", r.lab.Storage(2).IP, "hand-made-too")
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "data", target, "file")

	r.delete(v.GetVolumeId())
	if seen := r.mustGlusterVolume("hand-made-too"); seen.Status != "Started" {
		r.Errorf("after DeleteVolume gluster has %+v", seen)
	}
	if data, err := os.ReadFile(filepath.Join(brick, "file")); string(data) != "data" {
		r.Errorf("after DeleteVolume the brick has %q, %v", data, err)
	}
	request := &csi.ValidateVolumeCapabilitiesRequest{
		VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(), VolumeCapabilities: []*csi.VolumeCapability{sharedByAll()},
	}
	answer, err := r.controller.ValidateVolumeCapabilities(r.call(), request)
	r.ok(err, "ValidateVolumeCapabilities")
	if answer.GetConfirmed() == nil {
		r.Errorf("ValidateVolumeCapabilities does not confirm a static volume: %v", answer)
	}
	request.VolumeContext = nil
	_, err = r.controller.ValidateVolumeCapabilities(r.call(), request)
	r.refused(err, codes.NotFound, "hand-made-too")
}
