package gluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
)

// readiness answers /readyz. The DaemonSet's rolling update continues with the next node once this node is ready. Until a node has
// been ready once, it waits for its peers, its bricks and self-heal. Afterwards the node is ready while glusterd answers and the
// node's bricks are online: a backlog or a failed peer has its cause elsewhere and must not make this node unready.
type readiness struct {
	glusterd *supervisor
	gluster  *cli.CLI
	gate     *gate // nil: check only whether glusterd answers
	limit    time.Duration
	asked    chan struct{}

	mu      sync.Mutex
	answer  chan struct{} // closed when the check in flight has ended; nil if there is none
	result  error         // result of the last check
	stage   string        // stage of the check in flight
	stopped bool
}

func newReadiness(config Config, l limits, r runner, glusterd *supervisor, m *mounter) *readiness {
	c := newCLI(config, r)
	ready := &readiness{glusterd: glusterd, gluster: c, limit: l.answer, asked: make(chan struct{}, 1)}
	ready.gate = &gate{gluster: c, mounter: m, limits: l, healTimeout: config.HealTimeout, healed: map[string]bool{}, report: ready.setStage}
	return ready
}

// newServing returns the readiness that answers /servez. It has no gate and checks only whether glusterd answers. When a
// device or node has failed, /readyz fails until the repair, but the repair itself must be able to reach the servers.
func newServing(config Config, l limits, r runner, glusterd *supervisor) *readiness {
	c := newCLI(config, r)
	return &readiness{glusterd: glusterd, gluster: c, limit: l.answer, asked: make(chan struct{}, 1)}
}

// stateFile is the name of the file in Config.RunDir into which glusterd writes its state.
const stateFile = "glusterfs-storage-state"

func newCLI(config Config, r runner) *cli.CLI {
	return &cli.CLI{Runner: r, Limits: cli.DefaultLimits(), RunDir: config.RunDir, StateFile: stateFile}
}

var errStopping = errors.New("GlusterFS is being stopped on this node")

// run makes the checks that probes ask for, one at a time, until ctx is done. Checks run apart from probes, because a check may
// take longer than a probe waits.
func (r *readiness) run(ctx context.Context) {
	var reported time.Time
	for {
		select {
		case <-ctx.Done():
			r.publish(errStopping, true)
			return
		case <-r.asked:
		}
		err := r.check(ctx)
		if err != nil && r.gate != nil && ctx.Err() == nil && time.Since(reported) >= time.Minute {
			klog.FromContext(ctx).Info("Not ready", "reason", err.Error())
			reported = time.Now()
		}
		r.publish(err, false)
	}
}

func (r *readiness) publish(err error, stopped bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result, r.stopped, r.stage = err, stopped, ""
	if r.answer != nil {
		close(r.answer)
		r.answer = nil
	}
}

func (r *readiness) setStage(stage string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stage = stage
}

// probe returns nil if the node is ready, and otherwise an error that names what the node waits for. It joins a check in flight.
func (r *readiness) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	answer := r.begin()
	if answer == nil {
		return errStopping
	}
	select {
	case <-answer:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer == answer { // still in flight
		return fmt.Errorf("no answer yet: %s", r.stage)
	}
	return r.result
}

func (r *readiness) begin() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	if r.answer == nil {
		r.answer = make(chan struct{})
		r.asked <- struct{}{} // cannot block: no check is in flight
	}
	return r.answer
}

// check makes one check.
func (r *readiness) check(ctx context.Context) error {
	if err := r.glusterd.running(); err != nil {
		if r.gate != nil {
			r.gate.lookSoon()
		}
		return err
	}
	if r.gate != nil && r.gate.open {
		return r.gate.stillOnline(ctx)
	}
	r.setStage("gluster pool list")
	peers, err := r.gluster.Pool(ctx)
	if err != nil {
		return fmt.Errorf("glusterd does not answer: %w", err)
	}
	if r.gate == nil {
		return nil
	}
	return r.gate.pass(ctx, peers)
}
