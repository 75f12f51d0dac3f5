package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// toCount is how long a workload may take to count its records.
const toCount = "--timeout=20m"

// End ends the pods, counts records there and on the other node, removes all volumes, and checks that nothing is left.
func (r *Rig) End(ctx context.Context) report.Ending {
	e := report.Ending{Where: report.Kubernetes}
	_, err := r.kubectl(ctx, "delete", "pod", "--all", toCount)
	e.Fault(err)
	for _, p := range r.pods {
		p.stop()
		status, err := p.Finish(ctx)
		e.Fault(err)
		sum := status.Sum()
		e.Records += sum.Writes
		e.RecordsLost += sum.Lost
		e.Say(p.name, status)
	}
	e.Fault(r.clientsAre(ctx, nil)) // so that the clients on the other nodes have cached nothing
	for i, status := range r.verified(ctx, &e) {
		e.LostElsewhere += status.Sum().Lost
		e.Say(r.pods[i].name+" on another node", status)
	}
	e.Fault(r.remove(ctx))
	e.Fault(r.clientsAre(ctx, nil))
	// A plugin that was killed while a client hung has left a process and its cgroup. The first start after the process's end
	// removes the cgroup, and unneeded copies of clients.
	for _, node := range r.cluster.Nodes() {
		e.Fault(r.deletePlugin(ctx, node.Name))
	}
	e.Strays, err = strays.Left(ctx, r.before, 2*time.Minute, r.snapshot) // the kubelet cleans up after pods at intervals
	e.Fault(err)
	return e
}

// verified counts the records of all pods on the node where they did not run.
func (r *Rig) verified(ctx context.Context, e *report.Ending) []tally.Status {
	statuses := make([]tally.Status, len(r.pods))
	errs := make([]error, len(r.pods))
	var group errgroup.Group
	for i, p := range r.pods {
		group.Go(func() error {
			statuses[i], errs[i] = r.verify(ctx, p)
			return nil
		})
	}
	_ = group.Wait()
	e.Fault(errors.Join(errs...))
	return statuses
}

func (r *Rig) verify(ctx context.Context, p *pod) (tally.Status, error) {
	var status tally.Status
	other := *p
	other.node = map[string]string{"node1": "node2", "node2": "node1"}[p.node]
	name := p.name + "-verify"
	err := r.cluster.Apply(ctx, r.workload(&other, name, "verify"))
	if err == nil {
		_, err = r.kubectl(ctx, "wait", "--for=jsonpath={.status.phase}=Succeeded", toCount, "pod/"+name)
	}
	if err != nil {
		said, _ := r.kubectl(context.WithoutCancel(ctx), "logs", name)
		return status, fmt.Errorf("count the records of %s on another node: %w: %s", p.name, err, said)
	}
	statuses, err := os.ReadFile(filepath.Join(r.statuses, p.name))
	if err != nil {
		return status, err
	}
	return status, json.Unmarshal(lastLine(statuses), &status)
}

// lastLine returns the last line; every line ends with a line feed.
func lastLine(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	data = data[:len(data)-1]
	for i := len(data); i > 0; i-- {
		if data[i-1] == '\n' {
			return data[i:]
		}
	}
	return data
}

// remove deletes pods and claims, and waits until the volumes are gone.
func (r *Rig) remove(ctx context.Context) error {
	claims := []string{first, second, hung, spare}
	var volumes []string
	for _, name := range claims {
		pv, err := r.kubectl(ctx, "get", "pvc", name, "--ignore-not-found", "-o", "jsonpath={.spec.volumeName}")
		if err != nil {
			return err
		}
		if pv != "" {
			volumes = append(volumes, "pv/"+pv)
		}
	}
	_, err := r.kubectl(ctx, "delete", "pod", "--all", "--grace-period=1", patience)
	if err == nil {
		_, err = r.kubectl(ctx, "delete", "pvc", "--all", patience)
	}
	if err == nil && len(volumes) > 0 {
		_, err = r.kubectl(ctx, append([]string{"wait", "--for=delete", patience}, volumes...)...)
	}
	if err == nil {
		_, err = r.cluster.Kubectl(ctx, "delete", "namespace", namespace, "--ignore-not-found", patience)
	}
	return err
}

// Close ends what End did not end.
func (r *Rig) Close(ctx context.Context) error {
	for _, p := range r.pods {
		p.stop()
	}
	err := r.remove(ctx)
	if r.conn != nil {
		err = errors.Join(err, r.conn.Close())
	}
	return err
}
