package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

// The world's methods as Kubernetes. Each request has a point before and after it.

func (w *world) Nodes(context.Context) ([]kube.Node, error) {
	if !w.points.At("before nodes") {
		return nil, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes), nil
}

func (w *world) Pods(_ context.Context, namespace, selector string) ([]kube.Pod, error) {
	if !w.points.At("before pods") {
		return nil, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case namespace != testNamespace:
		return nil, fmt.Errorf("namespace %q", namespace)
	case selector == jobs.Setup || selector == jobs.Teardown:
		return slices.Clone(w.jobs[selector]), nil
	case selector == jobs.Heketi:
		return []kube.Pod{{Name: "heketi-0", Why: "it sleeps"}}, nil
	}
	return slices.Clone(w.pods), nil
}

func (w *world) ClaimPhase(context.Context, string, string) (string, error) {
	if !w.points.At("before claim") {
		return "", storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.claims) == 0 {
		return "", nil
	}
	return "Bound", nil
}

func (w *world) CreateClaim(_ context.Context, claim kube.Claim) error {
	if !w.points.At("before create claim") {
		return storagetest.ErrKilled
	}
	w.mu.Lock()
	w.claims = append(w.claims, claim)
	w.mu.Unlock()
	if !w.asleep {
		if err := w.startHeketi(); err != nil {
			return err
		}
	}
	if !w.points.At("after create claim") {
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
	if !w.points.At("before change secret") {
		return storagetest.ErrKilled
	}
	if err := w.secret.ChangeSecret(ctx, namespace, name, change); err != nil {
		return err
	}
	point := "after change secret"
	if change.Annotations["glusterfs-storage/bootstrap"] == "" {
		point = "after the last backup"
	}
	if !w.points.At(point) {
		return storagetest.ErrKilled
	}
	return nil
}

// Run runs a command in a pod of gluster.
func (w *world) Run(_ context.Context, pod, in string, command ...string) ([]byte, error) {
	line := strings.Join(command, " ")
	if !w.points.At("before " + command[0]) {
		return nil, storagetest.ErrKilled
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands = append(w.commands, pod+": "+line)
	switch {
	case in != "glusterfs":
		return nil, fmt.Errorf("container %q", in)
	case w.silent[pod]:
		return nil, errors.New("connection failed")
	case line == "gluster --mode=script pool list":
		return w.poolList(pod), nil
	case line == "gluster --mode=script volume info "+testVolume && w.gluster:
		return []byte("Bricks:\nBrick1: 10.0.0.1:/b\nBrick2: 10.0.0.2:/b\nBrick3: 10.0.0.3:/b\n"), nil
	case line == "gluster --mode=script volume list":
		if w.listing != nil {
			return nil, w.listing
		}
		if w.gluster {
			return []byte("other\n" + testVolume + "\n"), nil
		}
		return []byte(w.volumes), nil
	case strings.HasPrefix(line, "lvm pvs --reportformat json"):
		report, ok := w.reports[command[len(command)-1]]
		if !ok {
			return nil, &podexec.ExitError{Command: line, Code: 5, Stderr: "Failed to find physical volume"}
		}
		return []byte(report), nil
	}
	return nil, fmt.Errorf("command %q", line)
}

// poolList returns gluster's answer in a pod.
func (w *world) poolList(pod string) []byte {
	text := []byte("UUID\tHostname \tState\n")
	for i := 1; i <= 4; i++ {
		host, state := fmt.Sprintf("10.0.0.%d", i), "Disconnected"
		if slices.ContainsFunc(w.pods, func(p kube.Pod) bool {
			return p.Name == fmt.Sprintf("gluster-n%d", i) && p.Started && !w.silent[p.Name]
		}) {
			state = "Connected"
		}
		if pod == fmt.Sprintf("gluster-n%d", i) {
			host = "localhost"
		}
		text = fmt.Appendf(text, "uuid\t%s\t%s \n", host, state)
	}
	return text
}
