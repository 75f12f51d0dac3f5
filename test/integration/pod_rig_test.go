package integration

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// pod has directories on a node, at the kubelet's paths, for a volume, an empty directory, and two containers' subPaths.
type pod struct {
	r                          *rig
	n                          *node
	dir                        string
	target, scratch, sub, deep string
}

// pod publishes a volume, with a file in each of the directories sub and sub/deep, until the test ends.
func (r *rig) pod(n *node, v *csi.Volume, staging string) *pod {
	r.Helper()
	dir := filepath.Join(n.dir, "pods", rand.Text())
	p := &pod{
		r: r, n: n, dir: dir,
		target:  filepath.Join(dir, "volumes", "kubernetes.io~csi", "pv", "mount"),
		scratch: filepath.Join(dir, "volumes", "kubernetes.io~empty-dir", "scratch"),
		sub:     filepath.Join(dir, "volume-subpaths", "pv", "a", "0"),
		deep:    filepath.Join(dir, "volume-subpaths", "pv", "c", "0"),
	}
	r.Cleanup(func() { r.ok(os.RemoveAll(filepath.Join(n.dir, "pods")), "remove the pod's directories") })
	for _, path := range []string{filepath.Dir(p.target), p.scratch, p.sub, p.deep} {
		r.ok(os.MkdirAll(path, 0o755), "make a directory")
	}
	r.Cleanup(func() { r.unpublish(n, v, p.target) })
	_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, p.target))
	r.ok(err, "NodePublishVolume")
	for _, path := range []string{"sub", "sub/deep", "tmp"} {
		r.ok(os.Mkdir(r.inside(n, p.target, path), 0o755), "make a directory of the volume")
	}
	r.write(n, "of the volume", p.target, "sub", "file")
	r.write(n, "of the deep directory", p.target, "sub", "deep", "file")
	r.write(n, "of the empty directory", p.scratch, "mark")
	for point, name := range map[string]string{p.sub: "sub", p.deep: "sub/deep"} {
		r.Cleanup(func() {
			if _, err := r.command(n.Machine, "umount", "-l", point); err != nil {
				r.Error(err)
			}
			r.notMounted(n, point)
		})
		_, err = r.command(n.Machine, "mount", "--bind", filepath.Join(p.target, name), point)
		r.ok(err, "bind the directory")
	}
	return p
}

// hostPlace returns one of the binds of the volume's directories on the node.
func (p *pod) hostPlace(point, content string) place {
	p.r.Helper()
	err := hasContent(p.r.inside(p.n, point, "file"), content)
	return placeOf(p.r.mounts(p.n, point), point, err)
}

// podContainer is a process on a node with a private root directory and private mounts, as container runtimes make it.
type podContainer struct {
	r   *rig
	n   *node
	pid string // on the node
	cmd *exec.Cmd
}

// inContainer is run with the new root directory, and pairs of source and target of binds.
const inContainer = `set -e
root=$1; shift
mount -t tmpfs container "$root"
while [ $# -gt 0 ]; do
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
	shift 2
done
cd "$root"
mkdir usr proc old
mount --bind /usr usr
mount --bind /proc proc
ln -s usr/bin usr/lib usr/lib64 .
pivot_root . old
umount -l /old
echo $$
exec sleep 1000000`

// start starts a container with binds of paths of the node, in pairs of source and target, until the test ends.
func (p *pod) start(binds ...string) *podContainer {
	p.r.Helper()
	root := filepath.Join(p.dir, "roots", rand.Text())
	p.r.ok(os.MkdirAll(root, 0o755), "make a directory")
	args := append([]string{"--mount", "--propagation", "private", "sh", "-c", inContainer, "container", root}, binds...)
	c := &podContainer{r: p.r, n: p.n, cmd: p.n.Command(p.r.Context(), "unshare", args...)}
	c.cmd.Stderr = p.r.Output()
	out, err := c.cmd.StdoutPipe()
	p.r.ok(err, "pipe")
	p.r.ok(c.cmd.Start(), "start a container")
	p.r.Cleanup(c.stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	p.r.ok(err, "the container's mounts")
	c.pid = strings.TrimSpace(line)
	return c
}

// stop ends the container, if it still runs.
func (c *podContainer) stop() {
	if c.cmd.ProcessState == nil {
		_ = lab.Signal(c.cmd, syscall.SIGKILL)
		_ = c.cmd.Wait() // it was killed
	}
}

// inside returns the host's path of a path in the container.
func (c *podContainer) inside(path string) string {
	c.r.Helper()
	return c.r.inside(c.n, "proc", c.pid, "root", path)
}

// place returns the mount at a path in the container, where a file must have the given content.
func (c *podContainer) place(path, file, content string) place {
	c.r.Helper()
	readErr := hasContent(c.inside(file), content)
	table, err := os.Open(c.r.inside(c.n, "proc", c.pid, "mountinfo"))
	c.r.ok(err, "the container's mounts")
	defer func() { _ = table.Close() }()
	found, err := mountinfo.GetMountsFromReader(table, mountinfo.SingleEntryFilter(path))
	c.r.ok(err, "the container's mounts")
	return placeOf(found, path, readErr)
}

// hasContent checks the content of a file. It must be called before the mount table is read, because the access makes the kernel
// drop mounts.
func hasContent(file, content string) error {
	data, err := os.ReadFile(file)
	if err == nil && string(data) != content {
		err = fmt.Errorf("%s has %q, want %q", file, data, content)
	}
	return err
}

func placeOf(found []*mountinfo.Info, name string, err error) place {
	p := place{name: name, err: err}
	if len(found) > 0 {
		top := found[len(found)-1]
		p.id, p.root = top.ID, top.Root
	}
	return p
}
