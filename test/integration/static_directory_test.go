package integration

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// replicated makes a gluster volume of three copies as an administrator does, without self-heal. It returns the bricks as gluster
// names them, and their paths on the host.
func (r *rig) replicated(name string) (bricks, paths []string) {
	r.Helper()
	for i := 1; i <= lab.StorageNodes; i++ {
		path := filepath.Join(r.lab.Dir(), r.lab.Storage(i).Name, name)
		r.ok(os.MkdirAll(path, 0o755), "make a brick")
		r.Cleanup(func() { r.ok(os.RemoveAll(path), "remove a brick") })
		bricks, paths = append(bricks, r.lab.Storage(i).IP+":"+path), append(paths, path)
	}
	r.gluster(1, append([]string{"volume", "create", name, "replica", "3"}, append(bricks, "force")...)...)
	r.Cleanup(func() {
		r.gluster(1, "volume", "stop", name, "force")
		r.gluster(1, "volume", "delete", name)
	})
	for _, kind := range []string{"self-heal-daemon", "entry-self-heal", "data-self-heal", "metadata-self-heal"} {
		r.gluster(1, "volume", "set", name, "cluster."+kind, "off")
	}
	r.gluster(1, "volume", "start", name)
	return bricks, paths
}

// TestDirectoryThatABrickLacks: the disk of a brick is replaced while a static volume's directory is written to. The client
// continues, and new clients can be started, although gluster refuses clients that mount a directory which a brick does not have.
func TestDirectoryThatABrickLacks(t *testing.T) {
	r := newRig(t)
	n, other := r.nodes[0], r.nodes[1]
	bricks, paths := r.replicated("directories")
	server := r.lab.Storage(1).IP
	whole := static("directories", server, "directories")
	wholeStaging := r.stage(n, whole)
	wholeTarget := r.publish(n, whole, wholeStaging, false)
	r.ok(os.MkdirAll(r.inside(n, wholeTarget, "sub", "dir"), 0o755), "make a directory on the volume")
	r.unpublish(n, whole, wholeTarget)
	r.unstage(n, whole, wholeStaging)
	r.noClient(n, "directories")

	v := static("directory", server, "directories/sub/dir")
	staging := r.stage(n, v)
	app := r.startApp(n, r.publish(n, v, staging, false))
	client := r.onlyClient(n, "directories")

	r.gluster(1, "volume", "reset-brick", "directories", bricks[2], "start")
	r.ok(errors.Join(os.RemoveAll(paths[2]), os.Mkdir(paths[2], 0o755)), "exchange the disk")
	r.gluster(1, "volume", "reset-brick", "directories", bricks[2], bricks[2], "commit", "force")
	lacks := func() {
		t.Helper()
		if _, err := os.Lstat(filepath.Join(paths[2], "sub")); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("the brick has the directory already, and this test shows nothing: %v", err)
		}
	}
	r.refusesDirectory(other, server+":/directories/sub/dir")
	lacks()

	late := static("directory-late", server, "directories/sub/dir")
	target := r.publish(other, late, r.stage(other, late), false)
	if names := r.list(other, target); len(names) != appDirs {
		t.Errorf("the other node sees %v", names)
	}
	lacks()
	app.stop()
	if now := r.onlyClient(n, "directories"); now.PID != client.PID {
		t.Errorf("the client was %s, and is %s", client, now)
	}
	r.onlyClient(other, "directories")
}

// refusesDirectory waits until a mount of a directory with gluster's own command fails.
func (r *rig) refusesDirectory(n *node, source string) {
	r.Helper()
	path := r.directory(n)
	r.eventually(commandLimit, "gluster refuses a client of the directory", func() error {
		_, err := r.command(n.Machine, "mount", "-t", "glusterfs", source, path)
		for range 30 {
			if err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond) // the brick may answer later than the others
			_, err = r.command(n.Machine, "stat", path)
		}
		// A client that has ended leaves the empty directory, which can be read, too.
		if _, unmountErr := r.command(n.Machine, "umount", "--lazy", path); err == nil && unmountErr == nil {
			return errors.New("it is mounted")
		}
		return nil
	})
}
