package integration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestManyFiles has more files than 65,536, the number at which a client begins to forget inodes unless the driver changes that
// limit.
const (
	manyDirs    = 70
	filesPerDir = 1000
)

// TestManyFiles: a client that has seen many files drops neither a bind of a directory, like a subPath's, nor a mount that a
// container has inside the volume. A client with GlusterFS's default limit drops both.
func TestManyFiles(t *testing.T) {
	r := newRig(t)
	r.handMade("many-files")
	for _, test := range []struct {
		name    string
		flags   []string
		dropped bool
	}{
		{"made without a limit", nil, false},
		{"read with GlusterFS's own limit", []string{"lru-limit=65536"}, true},
		{"read without a limit", nil, false},
	} {
		ok := r.Run(test.name, func(t *testing.T) {
			r, n := r.on(t), r.nodes[0]
			v := static("many-files", r.lab.Storage(2).IP, "many-files")
			target := r.publish(n, v, r.stage(n, v, test.flags...), false)
			for _, dir := range []string{"sub", "nested"} {
				r.ok(os.MkdirAll(r.inside(n, target, dir), 0o755), "make a directory")
			}
			before := r.memory(n, "many-files")
			bind, nested := r.directory(n), filepath.Join(target, "nested")
			c := r.container(n, "private", "mount --bind "+filepath.Join(target, "sub")+" "+bind, "mount -t tmpfs inner "+nested)
			r.both(c, bind, nested, true)
			began := time.Now()
			r.fill(r.inside(n, target, "files"))
			r.walk(r.inside(n, target, "files"))
			t.Logf("took %s; the client's memory was %s, and is %s", time.Since(began).Round(time.Second), before, r.memory(n, "many-files"))
			r.both(c, bind, nested, !test.dropped)
		})
		if !ok {
			return
		}
	}
}

// fill creates the files, unless they exist.
func (r *rig) fill(root string) {
	r.Helper()
	if _, err := os.Lstat(root); err == nil {
		return
	}
	r.inDirs(root, func(dir string) error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for i := range filesPerDir {
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
}

// walk stats each file.
func (r *rig) walk(root string) {
	r.Helper()
	r.inDirs(root, func(dir string) error {
		found := 0
		err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil {
				_, err = entry.Info()
			}
			found++
			return err
		})
		if err == nil && found != 1+filesPerDir {
			err = fmt.Errorf("%s has %d files", dir, found-1)
		}
		return err
	})
}

func (r *rig) inDirs(root string, do func(dir string) error) {
	r.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range manyDirs {
		group.Go(func() error { return do(filepath.Join(root, strconv.Itoa(i))) })
	}
	r.ok(group.Wait(), "use many files")
}

// memory returns the resident memory of the node's client of a volume.
func (r *rig) memory(n *node, volume string) string {
	r.Helper()
	status, err := r.command(n.Machine, "cat", "/proc/"+r.onlyClient(n, volume).PID+"/status")
	r.ok(err, "status of the client")
	found := regexp.MustCompile(`VmRSS:\s+(.*)`).FindStringSubmatch(status)
	if found == nil {
		r.Fatalf("no memory in %s", status)
	}
	return found[1]
}

// both waits until a container has both a bind of the volume's directory "sub" and a mount on its directory "nested", or has lost
// both.
func (r *rig) both(c *container, bind, nested string, want bool) {
	r.Helper()
	r.eventually(commandLimit, fmt.Sprintf("the mounts are there: %t", want), func() error {
		bound, inner := c.mounts(bind), c.mounts(nested)
		has := len(bound) == 1 && bound[0].Root == "/sub"
		if has != want || (len(inner) == 1 && inner[0].FSType == "tmpfs") != want {
			return fmt.Errorf("bind of a directory: %s; mount inside the volume: %s", describe(bound), describe(inner))
		}
		return nil
	})
}
