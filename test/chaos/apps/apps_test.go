package apps

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// TestFollow: the counts come from the last status, the pause is the longest since Rest, and the workload ends with its statuses.
func TestFollow(t *testing.T) {
	in, out := io.Pipe()
	a := Follow("app", in, func() error { return nil })
	status := func(writes int, pause int64) tally.Status {
		return tally.Status{Workers: []tally.Worker{{Name: "held", Writes: writes, Reads: writes, PauseMilliseconds: pause, OutagesMilliseconds: []int64{pause}}}}
	}
	say := json.NewEncoder(out)
	send := func(s tally.Status) {
		t.Helper()
		if err := say.Encode(s); err != nil {
			t.Fatal(err)
		}
		for a.last().Sum().Writes != s.Sum().Writes {
			time.Sleep(time.Millisecond)
		}
	}
	send(status(1, 0))
	All{a}.Rest()
	send(status(2, 300))
	send(status(3, 100))
	if pause := (All{a}).Sum().Pause; pause != 300*time.Millisecond {
		t.Errorf("the longest pause is %s", pause)
	}
	if outages := (All{a}).Sum().Outages; !slices.Equal(outages, []int64{300, 100}) {
		t.Errorf("the outages are %v", outages)
	}
	if behind := a.behind(status(2, 0)); behind == "" {
		t.Error("one write and one read are progress")
	}
	last := status(5, 0)
	last.Done = true
	send(last)
	if behind := a.behind(status(3, 0)); behind != "" {
		t.Errorf("two writes and two reads are none: %s", behind)
	}
	if !a.Running() {
		t.Error("the workload has ended before its statuses")
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Finish(t.Context()); err != nil || !got.Done {
		t.Errorf("the end is %+v, %v", got, err)
	}
}

func TestProgressOfOneThatHasEnded(t *testing.T) {
	in, out := io.Pipe()
	a := Follow("app", in, func() error { return errors.New("killed") })
	_ = out.Close()
	if _, err := a.Finish(context.Background()); err == nil {
		t.Error("a workload that has counted nothing ends without an error")
	}
	if err := (All{a}).Progress(t.Context()); !errors.Is(err, errStuck) {
		t.Errorf("progress is %v", err)
	}
}
