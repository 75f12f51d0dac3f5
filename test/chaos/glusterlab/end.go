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

// end ends the pods, counts records on both client machines, takes all volumes away, and looks for what is left.
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
		e.Fault(c.unpublish(ctx, p.volume, p.name))
	}
	for _, v := range append([]*volume{c.hung}, c.used...) {
		e.Fault(c.unstage(ctx, v))
	}
	for _, v := range append([]*volume{c.hung, c.spare}, c.used...) {
		e.Fault(errors.Join(os.Remove(v.staging), os.Remove(filepath.Dir(v.staging)))) // the kubelet does that
	}
	e.Fault(c.clientsAre(ctx, 0))
	e.Fault(c.removeDisks(ctx))
	// A plugin that was killed while a client hung has left a process and its cgroup. The first start after the process's end removes it.
	// The other node's plugin shares the kernel, and so the cgroup, with it.
	e.Fault(errors.Join(c.lab.NodePlugin(2).Stop(ctx), c.plugin().Restart(ctx)))
	var err error
	e.Strays, err = strays.Left(ctx, c.before, 20*time.Second, c.snapshot)
	e.Fault(err)
	return e
}

// verify counts a pod's records through a client on the other client machine, which has cached nothing.
func (c *rig) verify(ctx context.Context, p *pod, last tally.Status) (status tally.Status, err error) {
	conn, err := c.lab.NodePlugin(2).Dial()
	if err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	other := &rig{lab: c.lab, node: csi.NewNodeClient(conn)}
	v := *p.volume
	v.staging = filepath.Join(c.lab.NodeDir(2), v.name)
	if err := os.MkdirAll(v.staging, 0o755); err != nil {
		return status, err
	}
	if err := other.stage(ctx, &v); err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, other.unstage(ctx, &v)) }()
	expected, err := json.Marshal(last)
	if err != nil {
		return status, err
	}
	cmd := c.lab.Node(2).Command(ctx, c.workload, "verify", filepath.Join(v.staging, p.name))
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(expected), &out, &problems
	if err := cmd.Run(); err != nil {
		return status, fmt.Errorf("count the records of %s on another node: %w: %s", p.name, err, strings.TrimSpace(problems.String()))
	}
	return status, json.Unmarshal(out.Bytes(), &status)
}
