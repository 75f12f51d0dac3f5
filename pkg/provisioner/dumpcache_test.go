package provisioner

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestRecordsThatAreOvertaken: a volume made while a dump is being read is missing in that dump.
func TestRecordsThatAreOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		first := time.Now()
		time.Sleep(time.Second)
		second := time.Now()
		mustPick(t, x, nameA, 2000)
		time.Sleep(time.Second)
		x.made(volume.Volume{Handle: volume.Handle{ID: "a"}, Name: nameA, GID: 2000})
		x.useDump(heketi.Dump{}, second)
		x.useDump(heketi.Dump{}, first) // an older dump that took longer
		mustPick(t, x, nameB, 2001)
		time.Sleep(time.Second)
		x.useDump(heketi.Dump{}, time.Now()) // another caller has deleted it
		mustPick(t, x, "csi-c-00000000000000000003", 2000)
	})
}

// TestWaitingForRecords: a caller's wait for a dump ends with its context.
func TestWaitingForRecords(t *testing.T) {
	x := newIndex("main", time.Minute)
	x.reading.TryAcquire(1) // another call reads
	ended, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the caller has gone")
	cancel(gone)
	if err := x.readSince(ended, nil, time.Now()); !errors.Is(err, volume.ErrUnavailable) || !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	now := time.Now()
	x.useDump(heketi.Dump{}, now)
	for since, want := range map[time.Time]bool{now: true, now.Add(-time.Second): true, now.Add(time.Second): false} {
		if got := x.readAfter(since); got != want {
			t.Errorf("a new dump is recent enough for %v: %t", since.Sub(now), got)
		}
	}
	if newIndex("main", time.Minute).readAfter(time.Time{}) {
		t.Error("a missing dump is recent enough")
	}
}

// TestFailedReadings: later callers do not share a failed reading.
func TestFailedReadings(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL}}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	client := func(key string) *heketi.Client {
		t.Helper()
		c, err := backends.All()[0].Client(volume.Credentials{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	right, wrong := client(heketitest.DefaultKey), client("wrong")
	x := newIndex("main", time.Minute)
	const dumps = "GET /db/dump"
	began := time.Now()
	lift := server.Inject(heketitest.Fault{Prefix: dumps, Status: http.StatusInternalServerError, Body: "broken"})
	for n := range 2 { // the failure is not shared, even though began is before it
		if err := x.readSince(t.Context(), right, began); !errors.Is(err, volume.ErrUnavailable) || server.Requests(dumps) != n+1 {
			t.Errorf("a later caller does not ask: %v after %d requests", err, server.Requests(dumps))
		}
	}
	lift()
	for name, read := range map[string]func() error{
		"with another key": func() error { return x.readSince(t.Context(), wrong, time.Now()) },
		"without time": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			answer, carried := make(chan struct{}), make(chan struct{})
			defer close(answer)
			server.Inject(heketitest.Fault{Prefix: dumps, Times: 1, Late: answer, Carried: carried})
			go func() {
				<-carried
				cancel()
			}()
			return x.readSince(ctx, right, time.Now())
		},
	} {
		since := time.Now()
		x.last = lastReading{asked: since.Add(-1), err: errors.New("of a reading before")}
		if err := read(); err == nil {
			t.Errorf("%s: it was read", name)
		}
		if x.last != (lastReading{}) {
			t.Errorf("%s: those who wait are told %v", name, x.last.err)
		}
		if err := x.readSince(t.Context(), right, since); err != nil {
			t.Errorf("%s: the next caller is told: %v", name, err)
		}
	}
}

// TestSharedFailure: if a reading began while a caller waited for its turn, and failed, the caller gets the error of that
// reading.
func TestSharedFailure(t *testing.T) {
	x := newIndex("main", time.Minute)
	broken := errors.New("broken")
	x.last = lastReading{asked: time.Now().Add(time.Minute), err: broken}
	if err := x.readSince(t.Context(), nil, time.Now()); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

// TestRecordsOfAVolumeMadeMeanwhile: a volume that this process made during the reading may also be in the dump; its group id
// counts once.
func TestRecordsOfAVolumeMadeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		asked := time.Now()
		mustPick(t, x, nameA, 2000)
		time.Sleep(time.Second)
		x.made(volume.Volume{Handle: volume.Handle{ID: "a"}, Name: nameA, GID: 2000})
		x.useDump(heketi.Dump{Volumes: map[string]heketi.DumpVolume{"a": {Name: nameA, GID: 2000}}}, asked)
		x.recordDeleted("a")
		mustPick(t, x, nameB, 2000)
	})
}
