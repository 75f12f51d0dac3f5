package glusterlab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// end ends the pods, counts records on both client machines, removes all volumes, and checks that nothing is left.
func (c *rig) end(ctx context.Context) report.Ending {
	e := report.Ending{Where: report.Lab}
	statuses := make([]tally.Status, len(c.pods))
	var group errgroup.Group
	for i, p := range c.pods {
		group.Go(func() (err error) {
			statuses[i], err = p.finish(ctx)
			return err
		})
	}
	e.Fault(group.Wait())
	for i, status := range statuses {
		sum := status.Sum()
		e.Records += sum.Writes
		e.RecordsLost += sum.Lost
		e.Say(c.pods[i].name, status)
		other, err := c.verify(ctx, c.pods[i], status)
		e.Fault(err)
		e.LostElsewhere += other.Sum().Lost
		e.Say(c.pods[i].name+" on another node", other)
	}
	for _, p := range c.pods {
		e.Fault(errors.Join(c.unfurnish(ctx, p), c.unpublish(ctx, p.volume, p.name)))
	}
	for _, v := range append([]*volume{c.hung}, c.used...) {
		e.Fault(c.unstage(ctx, v))
	}
	for _, v := range append([]*volume{c.hung, c.spare}, c.used...) {
		e.Fault(errors.Join(os.Remove(v.staging), os.Remove(filepath.Dir(v.staging)))) // as the kubelet does
	}
	e.Fault(c.clientsAre(ctx, 0))
	e.Fault(c.removeDisks(ctx))
	// A plugin that was killed while a client hung has left a process and its cgroup. The first start after the process's end
	// removes the cgroup. The plugins of both nodes share a kernel, and therefore the cgroup, so the other plugin is stopped
	// first.
	e.Fault(errors.Join(c.lab.NodePlugin(2).Stop(ctx), c.restart(ctx)))
	var err error
	e.Strays, err = strays.Left(ctx, c.before, 20*time.Second, c.snapshot)
	e.Fault(err)
	return e
}

// verify counts a pod's records through a client on the other client machine, which has cached nothing.
func (c *rig) verify(ctx context.Context, p *pod, last tally.Status) (status tally.Status, err error) {
	other, err := c.elsewhere()
	if err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	v := *p.volume
	v.staging = filepath.Join(other.dir(), v.name)
	if err := os.MkdirAll(v.staging, 0o755); err != nil {
		return status, err
	}
	if err := other.stage(ctx, &v); err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, other.unstage(ctx, &v)) }()
	return other.count(ctx, filepath.Join(v.staging, p.name), last)
}

// elsewhere returns a rig for the other client machine, without pods.
func (c *rig) elsewhere() (*rig, error) {
	other := &rig{lab: c.lab, at: 2, workload: c.workload, group: c.group, before65: c.before65, cgroupV2: c.cgroupV2}
	conn, err := other.dial(c.lab.NodePlugin(other.at).Endpoint)
	if err == nil {
		other.node = csi.NewNodeClient(conn)
	}
	return other, err
}

// count counts the records in a directory on the machine.
func (c *rig) count(ctx context.Context, dir string, last tally.Status) (status tally.Status, err error) {
	expected, err := json.Marshal(last)
	if err != nil {
		return status, err
	}
	cmd := c.machine().Command(ctx, c.workload, "verify", dir)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(expected), &out, &problems
	if err := cmd.Run(); err != nil {
		return status, fmt.Errorf("count the records in %s: %w: %s", dir, err, strings.TrimSpace(problems.String()))
	}
	return status, json.Unmarshal(out.Bytes(), &status)
}
