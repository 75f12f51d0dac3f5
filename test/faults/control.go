package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// controls carries out the controls of the servers. Kills run one after the other, because a server must run to be killed.
func (s *schedule) controls(ctx context.Context) error {
	errs := make(chan error, len(s.plan.Controls))
	var kills sync.Mutex
	for _, c := range s.plan.Controls {
		go func() {
			wait(ctx, c.At)
			if c.Kind == KillHeketi || c.Kind == KillDriver || c.Kind == RefuseAll {
				kills.Lock()
				defer kills.Unlock()
			}
			errs <- s.control(ctx, c)
		}()
	}
	var first error
	for range s.plan.Controls {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (s *schedule) control(ctx context.Context, c Control) (err error) {
	s.trace.Add("control", "%s for %v", c.Kind, c.For)
	defer func() { s.trace.Add("control", "%s has ended", c.Kind) }()
	switch c.Kind {
	case KillHeketi:
		err = s.rig.killHeketi(ctx, c.For)
	case KillDriver:
		err = s.rig.killDriver(ctx, c.For)
	case RefuseAll:
		err = s.rig.refuse(ctx, c.For)
	case Stall:
		s.rig.proxy.Stall()
		s.watch(ctx, c.For)
		s.rig.proxy.Calm()
	case CloseCluster:
		// Heketi may be dead at either moment; at the end the cluster is open in any case.
		_ = s.rig.heketi.open(c.Pick, false)
		wait(ctx, c.For)
		_ = s.rig.heketi.open(c.Pick, true)
	case Amnesia, Stranger:
		s.rig.proxy.Route(s.rig.others[c.Kind])
		wait(ctx, c.For)
		s.rig.proxy.Route(s.rig.heketi.server.URL)
	case Pause:
		err = s.rig.pauseHeketi(ctx, c.For)
	case Full:
		// Heketi may be dead at either moment; at the end the nodes are online in any case.
		_ = s.rig.heketi.fill(c.Pick, true)
		wait(ctx, c.For)
		_ = s.rig.heketi.fill(c.Pick, false)
	case Slow, CreateFails, DestroyFails, NoSpace:
		if err = s.rig.heketi.set(c.Kind, true); err != nil {
			return err
		}
		wait(ctx, c.For)
		err = s.rig.heketi.set(c.Kind, false)
	default:
		err = fmt.Errorf("unknown control %q", c.Kind)
	}
	return err
}

// watch finds calls that are not answered in time while Heketi answers nothing. Callers cannot detect these: their side of a call
// ends at its deadline, whatever the driver does.
func (s *schedule) watch(ctx context.Context, d time.Duration) {
	const bound = 2 * time.Second // on a busy machine
	var late lateness
	for began := time.Now(); time.Since(began) < d && wait(ctx, 20*time.Millisecond); {
		waiting := s.waiting.Load()
		running, _, err := s.rig.driver.running(ctx)
		if late.sample(time.Now(), err == nil && int64(running) > waiting) > bound {
			s.model.Violate("%d calls run in the driver and callers wait for %d of them, since %v", running, waiting, bound)
			return
		}
	}
}

// lateness is how long calls have been late without a break, by samples.
type lateness struct {
	since time.Time // the previous sample, if calls were late in it
	sum   time.Duration
}

// sample adds a sample, and returns how long calls have been late. The time between two samples counts for at most a tenth of a
// second: a machine that pauses delays this program and the driver alike.
func (l *lateness) sample(now time.Time, late bool) time.Duration {
	const most = 100 * time.Millisecond
	if !late {
		*l = lateness{}
		return 0
	}
	if !l.since.IsZero() {
		l.sum += min(now.Sub(l.since), most)
	}
	l.since = now
	return l.sum
}

func (r *rig) killHeketi(ctx context.Context, down time.Duration) error {
	if err := r.heketi.server.Kill(); err != nil {
		return err
	}
	wait(ctx, down)
	return r.heketi.server.Start(ctx)
}

func (r *rig) pauseHeketi(ctx context.Context, d time.Duration) error {
	if err := r.heketi.server.Pause(); err != nil {
		return err
	}
	wait(ctx, d)
	return r.heketi.server.Resume()
}

func (r *rig) killDriver(ctx context.Context, down time.Duration) error {
	if !r.driver.alive() {
		return fmt.Errorf("the driver has ended by itself, the end of its log:\n%s", tail(r.driver.log, 0, 20))
	}
	// Requests of the driver that have arrived are still carried out. Those that the proxy has not read yet get lost.
	if err := errors.Join(r.driver.child.Kill(), r.refuse(ctx, down)); err != nil {
		return err
	}
	return r.driver.start(ctx)
}

func (r *rig) refuse(ctx context.Context, down time.Duration) error {
	if err := r.proxy.Refuse(); err != nil {
		return err
	}
	wait(ctx, down)
	return r.proxy.Listen(ctx)
}

// calm ends every disturbance that a plan may have begun.
func (r *rig) calm(ctx context.Context) error {
	r.proxy.Calm()
	r.proxy.Route(r.heketi.server.URL)
	for _, name := range []string{switchSlow, switchCreateFails, switchDestroyFails, switchNoSpace} {
		if err := r.heketi.set(name, false); err != nil {
			return err
		}
	}
	for i := range r.heketi.clusters {
		if err := errors.Join(r.heketi.open(i, true), r.heketi.fill(i, false)); err != nil {
			return err
		}
	}
	return ctx.Err()
}
