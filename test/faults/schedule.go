package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// settleLimit is how long the driver may need, on a busy machine, to resolve everything that was left in doubt. Heketi cleans up
// every second here.
const settleLimit = 30 * time.Second

// schedule is a running plan on a rig.
type schedule struct {
	rig     *rig
	plan    Plan
	model   *Model
	trace   *Trace
	waiting atomic.Int64 // calls that a caller waits for
}

// run runs a plan from beginning to end. If it finds no violation, the rig is in the same state as before. An error is a failure
// of the test itself.
func (r *rig) run(ctx context.Context, plan Plan) (violations []string, trace *Trace, err error) {
	s := &schedule{rig: r, plan: plan, model: newModel(), trace: NewTrace()}
	err = s.all(ctx)
	violations = distinct(append(s.model.Violations(), r.proxy.ledger.takeOverlaps()...))
	if ctx.Err() != nil {
		return nil, s.trace, context.Cause(ctx) // an interrupted schedule proves nothing
	}
	return violations, s.trace, err
}

// distinct removes repeated lines.
func distinct(lines []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(lines, func(line string) bool {
		repeated := seen[line]
		seen[line] = true
		return repeated
	})
}

func (s *schedule) all(ctx context.Context) error {
	s.rig.proxy.Storm(newStream(s.plan.Seed, s.plan.Rates), s.trace)
	var callers sync.WaitGroup
	last := make([]*request, len(s.plan.Callers))
	for i, steps := range s.plan.Callers {
		callers.Go(func() { last[i] = s.calls(ctx, fmt.Sprintf("caller %d", i+1), steps) })
	}
	err := s.controls(ctx)
	callers.Wait()
	if err == nil {
		err = s.rig.calm(ctx)
	}
	if err != nil {
		return err
	}
	s.trace.Add("", "calm")
	for i, request := range last {
		callers.Go(func() { s.settle(ctx, fmt.Sprintf("caller %d", i+1), request) })
	}
	callers.Wait()
	s.quiet(ctx)
	s.compare()
	if len(s.model.Violations()) > 0 {
		return nil
	}
	s.cleanUp(ctx)
	s.quiet(ctx)
	s.compare()
	if err := s.rig.heketi.check(); err != nil {
		s.model.Violate("%v", err)
	}
	return nil
}

// calls makes a caller's calls and returns the last request that was sent.
func (s *schedule) calls(ctx context.Context, who string, steps []Step) (last *request) {
	for _, step := range steps {
		if !wait(ctx, step.Pause) {
			return last
		}
		verb := s.rig.verbs[slices.IndexFunc(s.rig.verbs, func(v Verb) bool { return v.Name == step.Verb })]
		if request := verb.Prepare(s, step); request != nil {
			_ = s.send(ctx, who, request, step.Deadline) // the model has the result
			last = request
		}
	}
	return last
}

func (s *schedule) send(ctx context.Context, who string, r *request, deadline time.Duration) error {
	s.trace.Add(who, "%s (%v)", r.text, deadline)
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	s.waiting.Add(1)
	err := r.send(ctx)
	s.waiting.Add(-1)
	s.trace.Add(who, "%s -> %s %s", r.text, status.Code(err), strings.TrimSpace(status.Convert(err).Message()))
	return err
}

// settle repeats a request as an orchestrator does, until the answer is definite.
func (s *schedule) settle(ctx context.Context, who string, r *request) {
	if r == nil {
		return
	}
	began := time.Now()
	for {
		err := s.send(ctx, who, r, 3*time.Second)
		if code := status.Code(err); code == codes.OK || slices.Contains(r.definite, code) {
			return
		}
		if time.Since(began) > settleLimit {
			s.model.Violate("%q has no definite answer %v after everything works again: %v", r.text, settleLimit, err)
			return
		}
		if !wait(ctx, 20*time.Millisecond) {
			return
		}
	}
}

// quiet waits until nothing is in progress, first in the driver, which may be about to send a request to Heketi.
func (s *schedule) quiet(ctx context.Context) {
	s.eventually(ctx, func() string {
		calls, operations, err := s.rig.driver.running(ctx)
		if err != nil {
			return err.Error()
		}
		if calls != 0 || operations != 0 {
			return fmt.Sprintf("%d calls and %d operations are still running in the driver, long after the calls' deadlines", calls, operations)
		}
		return ""
	})
	s.eventually(ctx, func() string {
		if n := s.rig.proxy.underWay.Load(); n > 0 {
			return fmt.Sprintf("%d requests to Heketi have no end", n)
		}
		return ""
	})
	s.eventually(ctx, func() string {
		truth, err := s.rig.heketi.truth()
		if err != nil {
			return err.Error()
		}
		if len(truth.Operations) > 0 {
			return fmt.Sprintf("Heketi has operations that it does not clean up: %v", truth.Operations)
		}
		return ""
	})
	s.eventually(ctx, func() string {
		if open := s.rig.proxy.ledger.unfollowed(); len(open) > 0 {
			return "the driver has not asked for the end of " + strings.Join(open, ", ")
		}
		return ""
	})
}

// eventually waits until wrong returns nothing.
func (s *schedule) eventually(ctx context.Context, wrong func() string) {
	const limit = 10 * time.Second
	began := time.Now()
	for {
		objection := wrong()
		switch {
		case objection == "":
			return
		case time.Since(began) > limit:
			s.model.Violate("%s (after %v)", objection, limit)
			return
		case !wait(ctx, 5*time.Millisecond):
			return
		}
	}
}

func (s *schedule) compare() {
	truth, err := s.rig.heketi.truth()
	if err != nil {
		s.model.Violate("%v", err)
		return
	}
	s.model.CheckTruth(truth, s.rig.heketi.foreign)
}

// cleanUp checks that no name is blocked: for each name, a create returns its volume, and a delete removes it.
func (s *schedule) cleanUp(ctx context.Context) {
	truth, err := s.rig.heketi.truth()
	if err != nil {
		s.model.Violate("%v", err)
		return
	}
	for _, name := range s.plan.Names {
		sizeGiB := name.SizeGiB
		ids := truth.Of(name.CSI)
		if len(ids) > 0 {
			sizeGiB = truth.Volumes[ids[0]].SizeGiB
		}
		s.settle(ctx, "end", s.create(name, sizeGiB, ""))
		latest := s.model.Latest(name.CSI)
		if len(ids) > 0 && latest != ids[0] {
			s.model.Violate("a create of %s returned %q, although it has volume %s", name.CSI, latest, ids[0])
		}
		if latest != "" {
			s.settle(ctx, "end", s.delete(latest))
		}
	}
}
