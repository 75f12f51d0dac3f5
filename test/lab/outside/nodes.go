package outside

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Mounts reads a machine's mount table from the kernel.
func Mounts(ctx context.Context, m *lab.Machine, filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	pid, err := m.Pid(ctx)
	if err != nil {
		return nil, err
	}
	table, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = table.Close() }()
	return mountinfo.GetMountsFromReader(table, filter)
}

// Client is a GlusterFS FUSE client.
type Client struct {
	PID  string // in the PID namespace of its machine
	Args []string
}

func (c Client) String() string { return c.PID + " " + strings.Join(c.Args, " ") }

// Clients lists a machine's FUSE clients of a gluster volume, including those in containers. If volume is empty, it lists all
// clients.
func Clients(ctx context.Context, m *lab.Machine, volume string) ([]Client, error) {
	out, err := m.Output(ctx, "ps", "-ww", "-eo", "pid=,ppid=,args=")
	if err != nil {
		return nil, err
	}
	var found []Client
	parents := map[string]string{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 3 || filepath.Base(fields[2]) != "glusterfs" ||
			volume != "" && !slices.Contains(fields, "--volfile-id=/"+volume) {
			continue
		}
		found = append(found, Client{PID: fields[0], Args: fields[2:]})
		parents[fields[0]] = fields[1]
	}
	// A client calls mount(2) in a child process, which may not have ended yet.
	return slices.DeleteFunc(found, func(c Client) bool {
		_, isChild := parents[parents[c.PID]]
		return isChild
	}), nil
}
