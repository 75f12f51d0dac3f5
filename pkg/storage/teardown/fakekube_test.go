package teardown

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

// The world's methods as Kubernetes. Each request has a point before it, and one after it if it changes anything.

func (w *world) Nodes(context.Context) ([]kube.Node, error) {
	if !w.points.At("before nodes") {
		return nil, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes), nil
}

func (w *world) Pods(_ context.Context, namespace, selector string) ([]kube.Pod, error) {
	if !w.points.At("before pods " + selector) {
		return nil, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case namespace != testNamespace:
		return nil, fmt.Errorf("namespace %q", namespace)
	case selector == servers.PodLabel:
		return slices.Clone(w.pods), nil
	case selector != jobs.Heketi:
		return slices.Clone(w.others[selector]), nil
	case w.replicas == 0 && w.leaving == 0:
		return nil, nil
	case w.replicas == 0:
		w.leaving--
		return []kube.Pod{{Name: "heketi-0", Why: "it is being deleted"}}, nil
	}
	return []kube.Pod{{Name: "heketi-0", Ready: true}}, nil
}

func (w *world) Replicas(context.Context, string, string) (int, error) {
	if !w.points.At("before replicas") {
		return 0, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replicas, nil
}

func (w *world) SetReplicas(_ context.Context, _, name string, replicas int) error {
	if !w.points.At("before set replicas") {
		return storagetest.ErrKilled
	}
	if name != "heketi" || replicas != 0 {
		return fmt.Errorf("StatefulSet %s, %d", name, replicas)
	}
	w.stopHeketi()
	w.mu.Lock()
	w.replicas = replicas
	w.mu.Unlock()
	if w.onEnd != nil {
		w.onEnd()
	}
	if !w.points.At("after set replicas") {
		return storagetest.ErrKilled
	}
	return nil
}

func (w *world) ClaimPhase(context.Context, string, string) (string, error) {
	if !w.points.At("before claim") {
		return "", storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.claim, nil
}

func (w *world) DeleteClaim(_ context.Context, namespace, name string) error {
	if !w.points.At("before delete claim") {
		return storagetest.ErrKilled
	}
	if namespace != testNamespace || name != testClaim {
		return fmt.Errorf("claim %s/%s", namespace, name)
	}
	w.mu.Lock()
	w.claim = ""
	w.mu.Unlock()
	if !w.points.At("after delete claim") {
		return storagetest.ErrKilled
	}
	return nil
}

func (w *world) Secret(ctx context.Context, namespace, name string) (kube.Secret, error) {
	if !w.points.At("before get secret") {
		return kube.Secret{}, storagetest.ErrKilled
	}
	return w.secret.Secret(ctx, namespace, name)
}

func (w *world) ChangeSecret(ctx context.Context, namespace, name string, change kube.Secret) error {
	what := "save secret"
	for _, content := range change.Data {
		if content == nil {
			what = "clear secret"
		}
	}
	if !w.points.At("before " + what) {
		return storagetest.ErrKilled
	}
	if err := w.secret.ChangeSecret(ctx, namespace, name, change); err != nil {
		return err
	}
	if !w.points.At("after " + what) {
		return storagetest.ErrKilled
	}
	return nil
}

// Run runs a command in a pod of gluster.
func (w *world) Run(_ context.Context, pod, in string, command ...string) ([]byte, error) {
	line := strings.Join(command, " ")
	point := strings.Join(command[:min(4, len(command))], " ")
	if !w.points.At("before " + point) {
		return nil, storagetest.ErrKilled
	}
	out, err := w.command(pod, in, line)
	if !w.points.At("after " + point) {
		return nil, storagetest.ErrKilled
	}
	return out, err
}

func (w *world) command(pod, in, line string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands = append(w.commands, pod+": "+line)
	for begins, err := range w.failing {
		if strings.HasPrefix(line, begins) {
			return nil, err
		}
	}
	node := strings.TrimPrefix(pod, "gluster-")
	switch {
	case in != servers.Container:
		return nil, fmt.Errorf("container %q", in)
	case pod == outsider && strings.HasSuffix(line, " volume list"):
		return nil, nil
	case pod == outsider && strings.Contains(line, " volume "):
		return nil, &podexec.ExitError{Command: line, Code: 1, Stderr: "Volume " + testVolume + " does not exist"}
	case line == "gluster --mode=script pool list":
		return w.poolList(node), nil
	case line == "gluster --mode=script volume list":
		return []byte(strings.Join(slices.Sorted(maps.Keys(w.volumes)), "\n")), nil
	case line == "gluster --mode=script volume stop "+testVolume+" force":
		return nil, nil
	case line == "gluster --mode=script volume delete "+testVolume:
		if slices.Contains(slices.Collect(maps.Values(w.peers)), false) {
			return nil, &podexec.ExitError{Command: line, Code: 1, Stderr: "volume delete: failed: Some of the peers are down"}
		}
		delete(w.volumes, testVolume)
		w.bricks = nil
		return nil, nil
	case line == "gluster --mode=script volume info "+testVolume:
		return w.volumeInfo(), nil
	case strings.HasPrefix(line, "gluster --mode=script volume remove-brick "+testVolume+" replica "):
		return nil, w.removeBricks(strings.Fields(line)[6:])
	case strings.HasPrefix(line, "gluster --mode=script peer detach "):
		return nil, w.detachPeer(strings.Fields(line)[4])
	case strings.HasPrefix(line, "lvm pvs --reportformat json"):
		return w.physicalVolumes(node), nil
	case strings.HasPrefix(line, "lvm pvremove -qq "):
		for _, d := range w.disks {
			if d.node == node && d.name == strings.TrimPrefix(line, "lvm pvremove -qq ") && d.pv && !d.group {
				d.pv = false
				return nil, nil
			}
		}
		return nil, &podexec.ExitError{Command: line, Code: 5, Stderr: "No PV found"}
	}
	return nil, fmt.Errorf("command %q", line)
}

func (w *world) physicalVolumes(node string) []byte {
	list := []any{map[string]any{"pv_name": "/dev/sda2", "pv_uuid": "of-the-system", "vg_name": "system"}}
	for id, d := range w.disks {
		if d.node != node || !d.pv {
			continue
		}
		group := ""
		if d.group {
			group = servers.GroupOf(id)
		}
		list = append(list, map[string]any{"pv_name": d.name, "pv_uuid": "uuid-" + id, "vg_name": group})
	}
	out, _ := json.Marshal(map[string]any{"report": []any{map[string]any{"pv": list}}})
	return out
}

// poolList returns gluster's answer on a node.
func (w *world) poolList(node string) []byte {
	text := []byte("UUID\t\t\t\t\tHostname \tState\n")
	for _, host := range slices.Sorted(maps.Keys(w.peers)) {
		state := map[bool]string{true: "Connected", false: "Disconnected"}[w.peers[host]]
		if host == "10.0.0."+node[1:] {
			host, state = "localhost", "Connected"
		}
		text = fmt.Appendf(text, "uuid\t%s\t%s \n", host, state)
	}
	return text
}

// volumeInfo returns the part of gluster's answer that lists the bricks.
func (w *world) volumeInfo() []byte {
	text := []byte("Volume Name: " + testVolume + "\nType: Replicate\nBricks:\n")
	for i, brick := range w.bricks {
		text = fmt.Appendf(text, "Brick%d: %s\n", i+1, brick)
	}
	return append(text, "Options Reconfigured:\n"...)
}

// removeBricks takes the remaining number of copies, the bricks, and "force".
func (w *world) removeBricks(args []string) error {
	last := len(args) - 1
	for _, brick := range args[1:last] {
		w.bricks = slices.DeleteFunc(w.bricks, func(b string) bool { return b == brick })
	}
	if args[last] != "force" || args[0] != strconv.Itoa(len(w.bricks)) {
		return &podexec.ExitError{Command: "remove-brick", Code: 1, Stderr: "wrong arguments: " + strings.Join(args, " ")}
	}
	return nil
}

func (w *world) detachPeer(host string) error {
	_, known := w.peers[host]
	switch {
	case !known:
		return &podexec.ExitError{Command: "peer detach", Code: 1, Stderr: host + " is not part of cluster"}
	case slices.ContainsFunc(w.bricks, func(brick string) bool { return strings.HasPrefix(brick, host+":") }):
		return &podexec.ExitError{Command: "peer detach", Code: 1, Stderr: "Peer " + host + " hosts one or more bricks"}
	}
	delete(w.peers, host)
	return nil
}
