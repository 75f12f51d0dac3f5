package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
)

// container is a shell on a node in a private mount namespace, like the programs of a pod.
type container struct {
	r   *rig
	in  io.Writer
	out *bufio.Reader
}

// container starts a shell after running commands, which set up its mounts. propagation is "private", the default of Kubernetes,
// or "slave" (HostToContainer). The shell ends before published volumes are unpublished.
func (r *rig) container(n *node, propagation string, commands ...string) *container {
	r.Helper()
	cmd := n.Command(r.ctx(10*time.Minute), "unshare", "--mount", "--propagation", propagation, "sh")
	in, err := cmd.StdinPipe()
	r.ok(err, "make a container")
	out, err := cmd.StdoutPipe()
	r.ok(err, "make a container")
	r.ok(cmd.Start(), "start a container")
	r.Cleanup(func() { r.ok(errors.Join(in.Close(), cmd.Wait()), "end a container") })
	c := &container{r, in, bufio.NewReader(out)}
	for _, command := range commands {
		c.run(command)
	}
	return c
}

// try runs a command in the container and returns its output.
func (c *container) try(command string) (string, error) {
	const end = "exit status "
	if _, err := fmt.Fprintf(c.in, "{ %s\n} 2>&1 </dev/null; status=$?; echo; echo \"%s$status\"\n", command, end); err != nil {
		return "", err
	}
	var said strings.Builder
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("%s: %w", command, err)
		}
		if status, ended := strings.CutPrefix(line, end); ended {
			text := strings.TrimSpace(said.String())
			if code, err := strconv.Atoi(strings.TrimSpace(status)); err != nil || code != 0 {
				return "", fmt.Errorf("%s: %s%s: %s", command, end, strings.TrimSpace(status), text)
			}
			return text, nil
		}
		said.WriteString(line)
	}
}

// run is like try, for a command that must succeed.
func (c *container) run(command string) string {
	c.r.Helper()
	said, err := c.try(command)
	c.r.ok(err, "in a container")
	return said
}

// mounts returns the container's mounts at a path or below it.
func (c *container) mounts(path string) []*mountinfo.Info {
	c.r.Helper()
	all, err := mountinfo.GetMountsFromReader(strings.NewReader(c.run("cat /proc/self/mountinfo")), mountinfo.PrefixFilter(path))
	c.r.ok(err, "read the container's mounts")
	return all
}

// subPath binds a directory or file of a published volume to another path on the node until the test ends, as the kubelet does
// for a container with a subPath. It returns that path.
func (r *rig) subPath(n *node, target, name string) string {
	r.Helper()
	point := r.directory(n)
	if info, err := os.Stat(r.inside(n, target, name)); err == nil && !info.IsDir() {
		point = filepath.Join(point, "0")
		r.ok(os.WriteFile(r.inside(n, point), nil, 0o600), "make a mount point")
		r.Cleanup(func() { r.ok(os.Remove(r.inside(n, point)), "remove the mount point") })
	}
	_, err := r.command(n.Machine, "mount", "--bind", filepath.Join(target, name), point)
	r.ok(err, "bind a subPath")
	r.Cleanup(func() {
		for len(r.mounts(n, point)) > 0 { // before Linux 6.5 the dead mounts are below
			_, err := r.command(n.Machine, "umount", "--lazy", point)
			r.ok(err, "unmount a subPath")
		}
	})
	return point
}
