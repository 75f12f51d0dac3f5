package servers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

type lister []kube.Pod

func (l lister) Pods(_ context.Context, namespace, selector string) ([]kube.Pod, error) {
	if namespace != "storage" || selector != PodLabel {
		return nil, fmt.Errorf("pods of %s with %s", namespace, selector)
	}
	return l, nil
}

// glusterds holds the answers by pod; a pod that is missing here never answers.
type glusterds map[string]error

func (g glusterds) Run(ctx context.Context, pod, container string, command ...string) ([]byte, error) {
	if line := strings.Join(command, " "); container != Container || line != "gluster --mode=script pool list" {
		return nil, fmt.Errorf("%s in %s", line, container)
	}
	err, ok := g[pod]
	if !ok {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// TestLook: a server is usable if it has started and glusterd answers, whether or not its pod is ready.
func TestLook(t *testing.T) { synctest.Test(t, testLook) }

func testLook(t *testing.T) {
	pods := lister{
		{Name: "gluster-n1", Node: "n1", Started: true, Ready: true},
		{Name: "gluster-n2", Node: "n2", Started: true, Why: "a brick is offline"},
		{Name: "gluster-n3", Node: "n3", Ready: true, Why: "it starts"},
		{Name: "gluster-n4", Node: "n4", Started: true, Ready: true},
		{Name: "gluster-n5", Node: "n5", Started: true},
		{Name: "gluster-x", Why: "0/6 nodes are available"},
	}
	seen, err := FindUsable(t.Context(), pods, glusterds{"gluster-n1": nil, "gluster-n2": nil, "gluster-n3": nil, "gluster-n4": errors.New("connection failed")}, "storage", 50*time.Millisecond)
	if err != nil || !maps.Equal(seen.Usable, Pods{"n1": "gluster-n1", "n2": "gluster-n2"}) {
		t.Errorf("%v, %v", seen.Usable, err)
	}
	for node, want := range map[string]string{
		"n1": "", "n2": "",
		"n3": "pod gluster-n3 has not started: it starts",
		"n4": "glusterd does not answer in pod gluster-n4: connection failed",
		"n5": "glusterd does not answer in pod gluster-n5: no answer within 50ms",
		"n6": "there is no pod of gluster: is the node labelled for it? (pod gluster-x is not on a node yet: 0/6 nodes are available)",
	} {
		if got := seen.Why(node); got != want {
			t.Errorf("%s: %q, want %q", node, got, want)
		}
	}
	if _, err := FindUsable(t.Context(), pods, glusterds{}, "other", time.Millisecond); err == nil || !strings.Contains(err.Error(), "pods of other") {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("SIGTERM"))
	if _, err := FindUsable(ended, pods, glusterds{}, "storage", time.Hour); err == nil || err.Error() != "SIGTERM" {
		t.Errorf("%v", err)
	}
}
