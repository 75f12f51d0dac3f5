package rounds

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// fake is a rig with one workload, which runs by itself.
type fake struct {
	all    apps.All
	errors chan int                 // sets the workload's count
	counts chan func(*tally.Worker) // changes the workload's counts
	swept  bool
	hung   string // the calls of Hang and wake
}

func newFake(t *testing.T) *fake {
	t.Helper()
	in, out := io.Pipe()
	f := &fake{all: apps.All{apps.Follow("app", in, func() error { return nil })}, errors: make(chan int), counts: make(chan func(*tally.Worker))}
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		worker := tally.Worker{Name: "held"}
		for say := json.NewEncoder(out); ; worker.Writes, worker.Reads = worker.Writes+1, worker.Reads+1 {
			select {
			case worker.Errors = <-f.errors:
			case change := <-f.counts:
				change(&worker)
			case <-time.After(time.Millisecond):
			}
			if say.Encode(tally.Status{Workers: []tally.Worker{worker}}) != nil {
				return
			}
		}
	}()
	return f
}

func (f *fake) Where() string                       { return "here" }
func (f *fake) Apps() apps.All                      { return f.all }
func (f *fake) Settle(context.Context) (int, error) { return 0, nil }

func (f *fake) Sweep(context.Context) error {
	f.swept = true
	return nil
}

func (f *fake) Hang(context.Context) (func(error) error, error) {
	f.hung = "hung"
	return func(err error) error { f.hung = "woken"; return err }, nil
}

func TestRun(t *testing.T) {
	failed := func(ctx context.Context, f *fake) error {
		f.errors <- 3
		return f.all.Progress(ctx)
	}
	nothing := func(context.Context, *fake) error { return nil }
	for name, c := range map[string]struct {
		round  Round[*fake]
		errors int
		met    bool
	}{
		"nothing happens":         {Round[*fake]{Do: nothing}, 0, true},
		"I/O errors":              {Round[*fake]{Do: failed}, 3, false},
		"errors until it healed":  {Round[*fake]{Do: failed, Heal: nothing}, 3, true},
		"what it does has failed": {Round[*fake]{Do: func(context.Context, *fake) error { return errors.New("failed") }}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			row := c.round.Run(t.Context(), f, true)
			if row.Errors != c.errors || row.Met != c.met || row.Writes == 0 || !row.Hung {
				t.Errorf("%+v", row)
			}
			if f.hung != "woken" {
				t.Errorf("the client is %q at the end", f.hung)
			}
		})
	}
}

func TestAll(t *testing.T) {
	f := newFake(t)
	runs := 0
	round := Round[*fake]{Name: "one", Do: func(context.Context, *fake) error { runs++; return nil }}
	var out strings.Builder
	if rows := All(t.Context(), f, []Round[*fake]{round}, false, &out); len(rows) != 2 || runs != 2 || strings.Count(out.String(), "chaos: one") != 2 {
		t.Errorf("%d rows of %d runs:\n%s", len(rows), runs, out.String())
	}
}

// TestWhileLiving: one life begins after everything is done, and an error of a life is the round's error.
func TestWhileLiving(t *testing.T) {
	f := newFake(t)
	var done, after atomic.Bool
	live := func(context.Context, *fake) error {
		after.Store(done.Load())
		return nil
	}
	do := func(context.Context, *fake) error {
		done.Store(true)
		return nil
	}
	if err := WhileLiving(do, live)(t.Context(), f); err != nil || !after.Load() {
		t.Errorf("%v; a life after the end: %t", err, after.Load())
	}
	dies := func(context.Context, *fake) error { return errors.New("died") }
	if err := WhileLiving(do, dies)(t.Context(), f); err == nil {
		t.Error("the error of a life is lost")
	}
}
