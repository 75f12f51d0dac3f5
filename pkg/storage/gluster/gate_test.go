package gluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGate: the node waits for self-heal of one volume after the other. Once it was ready, it waits only for its own bricks.
func TestGate(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		probe := func(says string) {
			t.Helper()
			mustSay(t, r.probe(ctx), says)
			time.Sleep(10 * time.Second)
		}
		p.set(func() { p.pending["vol_1"], p.pending["vol_2"] = 4, 7 })
		probe("volume vol_1: 4 entries wait for self-heal; volume vol_2: 7 entries")
		p.set(func() { p.pending["vol_1"] = 0 })
		probe("volume vol_2: 7 entries")
		p.set(func() { p.pending["vol_1"], p.pending["vol_2"] = 3, 0 }) // new entries in a volume whose backlog was empty once
		probe("")
		if n := p.count("gluster --mode=script " + heal1); n != 2 {
			t.Errorf("%d queries of a volume that was healed", n)
		}
		p.taken()
		p.set(func() { p.pending["vol_2"], p.peer = 100, "<connected>0</connected>" })
		state := "gluster --mode=script get-state glusterd odir " + p.runDir + " file " + stateFile
		probe("") // every second probe runs the command
		probe("")
		if diff := cmp.Diff([]string{state}, p.taken()); diff != "" {
			t.Error(diff)
		}
		p.set(func() { p.brick = "Stopped" })
		probe("")
		probe("not all bricks of this node are online")
		p.set(func() { p.brick = "Started" })
		probe("")
		p.set(func() { p.failures[strings.TrimPrefix(state, "gluster --mode=script ")] = errFake })
		probe("")
		probe("glusterd's state cannot be read")
	})
}

// TestBricksAreReadSparingly: a ready node runs three commands a minute, however often it is probed.
func TestBricksAreReadSparingly(t *testing.T) {
	for _, period := range []time.Duration{time.Second, 10 * time.Second} {
		probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
			mustSay(t, r.probe(ctx), "")
			p.taken()
			begun := time.Now()
			for time.Since(begun) < time.Minute {
				time.Sleep(period)
				mustSay(t, r.probe(ctx), "")
			}
			if commands := p.taken(); len(commands) < 3 || len(commands) > 4 {
				t.Errorf("a probe each %s runs in a minute %q", period, commands)
			}
		})
	}
}

// TestOutageIsKnownInTime: an outage that begins just after a check is reported by the second probe after that, and then by all
// probes until the outage ends.
func TestOutageIsKnownInTime(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		mustSay(t, r.probe(ctx), "")
		p.set(func() { p.brick = "Stopped" })
		for _, says := range []string{"", "bricks", "bricks", "bricks"} {
			time.Sleep(10 * time.Second)
			mustSay(t, r.probe(ctx), says)
		}
		p.set(func() { p.brick = "Started" })
		time.Sleep(10 * time.Second)
		mustSay(t, r.probe(ctx), "")
		// A restarted glusterd may have lost some of the bricks.
		r.glusterd.setStatus(errFake)
		time.Sleep(time.Second)
		mustSay(t, r.probe(ctx), errFake.Error())
		r.glusterd.setStatus(nil)
		p.set(func() { p.brick = "Stopped" })
		time.Sleep(time.Second)
		mustSay(t, r.probe(ctx), "bricks")
	})
}

// TestGateStartsAgain: if bricks went offline before the node was ready, volumes that were healed earlier are checked again.
func TestGateStartsAgain(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		p.set(func() { p.pending["vol_2"] = 7 })
		mustSay(t, r.probe(ctx), "vol_2: 7")
		p.set(func() { p.brick = "Stopped" })
		mustSay(t, r.probe(ctx), "bricks")
		p.set(func() { p.brick, p.pending["vol_1"], p.pending["vol_2"] = "Started", 5, 0 })
		time.Sleep(time.Minute)
		mustSay(t, r.probe(ctx), "volume vol_1: 5 entries")
	})
}

// TestHealTimeout: after the timeout, the node is ready although volumes are not healed. It still waits for bricks.
func TestHealTimeout(t *testing.T) {
	probing(t, time.Hour, func(ctx context.Context, p *pool, r *readiness) {
		p.set(func() { p.brick, p.pending["vol_1"] = "Stopped", 1 })
		mustSay(t, r.probe(ctx), "bricks")
		time.Sleep(2 * time.Hour)
		mustSay(t, r.probe(ctx), "bricks")
		p.set(func() { p.brick = "Started" })
		mustSay(t, r.probe(ctx), "vol_1: 1")
		time.Sleep(time.Hour - time.Second)
		mustSay(t, r.probe(ctx), "vol_1: 1")
		time.Sleep(time.Second)
		mustSay(t, r.probe(ctx), "")
	})
}

// TestBacklogIsReadSparingly: however often the kubelet probes, bricks are crawled at most half of the time.
func TestBacklogIsReadSparingly(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		p.set(func() { p.pending["vol_1"], p.kind = 1, "Replicate" })
		for range 60 {
			mustSay(t, r.probe(ctx), "vol_1: 1")
			time.Sleep(time.Second)
		}
		if n := p.count("gluster --mode=script " + heal1); n != 6 {
			t.Errorf("%d times in a minute", n)
		}
	})
}
