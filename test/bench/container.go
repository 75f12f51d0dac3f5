package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// noticed is how long the node plugin may take to see a container's mounts: it can restore only what it has seen.
const noticed = 5 * time.Second

// container is a process on a machine with a private root directory and private mounts, as container runtimes make it.
type container struct {
	machine *lab.Machine
	pid     string // in the machine's PID namespace
	process *exec.Cmd
}

// inContainer is run with the new root directory, this program, and pairs of source and target of binds.
const inContainer = `set -e
root=$1; program=$2; shift 2
mount -t tmpfs container "$root"
while [ $# -gt 0 ]; do
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
	shift 2
done
cd "$root"
mkdir usr proc old
touch bench
mount --bind /usr usr
mount --bind /proc proc
mount --bind "$program" bench
ln -s usr/bin usr/lib usr/lib64 .
pivot_root . old
umount -l /old
echo $$
exec sleep 1000000`

// container starts a container on node 1 with binds of paths there, in pairs of source and target. It ends with ctx at the
// latest.
func (b *bench) container(ctx context.Context, name string, binds ...string) (*container, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(b.lab.NodeDir(1), name, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	c := &container{machine: b.lab.Node(1)}
	args := append([]string{"--mount", "--propagation", "private", "sh", "-c", inContainer, "container", root, self}, binds...)
	c.process = c.machine.Command(ctx, "unshare", args...)
	c.process.Stderr = os.Stderr
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("container %s does not start: %w", name, err), c.end())
	}
	c.pid = strings.TrimSpace(line)
	return c, nil
}

// run starts this program in the container.
func (c *container) run(ctx context.Context, kind string, arguments ...string) (done, error) {
	args := append([]string{"--target", c.pid, "--mount", "--", "/bench", "inside", kind}, arguments...)
	return answerOf(c.machine, c.machine.Command(ctx, "nsenter", args...))
}

// end ends the container and thereby its mounts.
func (c *container) end() error {
	err := lab.Signal(c.process, syscall.SIGKILL)
	_ = c.process.Wait() // returns an error, because the process was killed
	return err
}

// withContainer publishes a new volume on node 1 and starts a container that mounts the volume at /data, and other paths of the
// node as binds lists them, in pairs of source and target. It removes everything after run.
func (b *bench) withContainer(
	ctx context.Context, name string, binds []string, run func(ctx context.Context, v *csi.Volume, c *container) ([]row, error),
) ([]row, error) {
	v, err := b.create(ctx, b.name(name))
	if err != nil {
		return nil, err
	}
	p, err := b.place(name)
	if err != nil {
		return nil, err
	}
	if err := b.stage(ctx, v, p); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, v, p); err != nil {
		return nil, err
	}
	c, err := b.container(ctx, name, append([]string{p.target, "/data"}, binds...)...)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, noticed); err != nil {
		return nil, err
	}
	measured, err := run(ctx, v, c)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.end(), b.unpublish(ctx, v, p), b.unstage(ctx, v, p)); err != nil {
		return nil, err
	}
	if err := b.quiet(ctx); err != nil {
		return nil, err
	}
	return measured, b.remove(ctx, v)
}
