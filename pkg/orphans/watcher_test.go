package orphans

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
)

// observed stores the figures as the metrics do.
type observed struct {
	counts map[string]map[string]int
	looks  map[string]int
}

func (o *observed) Began(backend string) { o.looks[backend] = 0 }

func (o *observed) Compared(backend string, counts map[string]int) {
	o.looks[backend]++
	if counts != nil {
		o.counts[backend] = counts
	}
}

func (o *observed) Forgotten(backend string) {
	delete(o.counts, backend)
	delete(o.looks, backend)
}

// watched is a Watcher over a fixture.
type watched struct {
	*fixture
	*observed
	watcher *Watcher
	pvs     []PV
	pvsErr  error
	log     bytes.Buffer
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{fixture: newFixture(t), observed: &observed{map[string]map[string]int{}, map[string]int{}}}
	w.watcher = &Watcher{
		Backends: func() []*heketi.Backend { return w.backends },
		PVs:      func(context.Context) ([]PV, error) { return w.pvs, w.pvsErr },
		Driver:   driver, Interval: time.Hour, Observer: w.observed,
	}
	return w
}

// look runs a comparison and returns the log.
func (w *watched) look(t *testing.T) string {
	t.Helper()
	w.log.Reset()
	w.watcher.compare(klog.NewContext(t.Context(), textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&w.log)))))
	return w.log.String()
}

func idOf(pv PV) string { return strings.TrimPrefix(pv.Handle, "production/") }

func TestWatcherReportsWhatItSeesTwice(t *testing.T) {
	w := newWatched(t)
	w.pvs = []PV{w.made("pvc-1"), w.pv("pvc-lost", noID)}
	orphan := w.made("pvc-2")
	if log := w.look(t); log != "" || len(w.counts) != 0 || w.looks["production"] != 1 {
		t.Errorf("first look: %v, %v, %s", w.counts, w.looks, log)
	}
	log := w.look(t)
	want := map[string]map[string]int{
		"production": {checkOrphan: 1, checkNoVolume: 1, checkMismatch: 0, checkOperations: 0},
		"":           {checkUnknown: 0, checkMismatch: 0},
	}
	if !reflect.DeepEqual(w.counts, want) {
		t.Errorf("second look: %v", w.counts)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "pv-without-volume pvc-lost, volume-without-pv "+idOf(orphan)) {
		t.Errorf("second look: %s", log)
	}
	if log := w.look(t); log != "" {
		t.Errorf("nothing has changed: %s", log)
	}
	w.pvs = append(w.pvs, orphan)
	if log := w.look(t); !strings.Contains(log, `gone="volume-without-pv `+idOf(orphan)) || w.counts["production"][checkOrphan] != 0 {
		t.Errorf("it has a PersistentVolume now: %v, %s", w.counts, log)
	}
}

// TestWatcherLetsThingsSettle: neither the volume of a create whose answer was lost, nor a PersistentVolume that is deleted after
// its volume, is reported.
func TestWatcherLetsThingsSettle(t *testing.T) {
	w := newWatched(t)
	for range 2 {
		w.look(t)
	}
	late := w.made("pvc-1")
	w.pvs = []PV{w.pv("pvc-2", noID)}
	for i := range 3 {
		if log := w.look(t); log != "" || w.counts["production"][checkOrphan]+w.counts["production"][checkNoVolume] != 0 {
			t.Errorf("look %d: %v, %s", i, w.counts, log)
		}
		w.pvs = []PV{late}
	}
}

func TestWatcherKeepsFiguresWhenItCannotLook(t *testing.T) {
	w := newWatched(t)
	w.made("pvc-1")
	for range 2 {
		w.look(t)
	}
	check := func(cause, says string) {
		t.Helper()
		before := maps.Clone(w.looks)
		if log := w.look(t); !strings.Contains(log, says) || w.counts["production"][checkOrphan] != 1 || w.looks["production"] != before["production"] {
			t.Errorf("%s: %v, %v, %s", cause, w.counts, w.looks, log)
		}
	}
	w.pvsErr = errors.New("API server away")
	check("no PersistentVolumes", "API server away")
	w.pvsErr = nil
	lift := w.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusInternalServerError, Body: "broken"})
	check("no answer of Heketi's", "broken")
	lift()
	w.server.SetKey("another")
	check("wrong key", `backend="production"`)
	w.server.SetKey(heketitest.DefaultKey)
	if log := w.look(t); log != "" || w.looks["production"] != 3 || w.counts["production"][checkOrphan] != 1 {
		t.Errorf("all is back: %v, %v, %s", w.counts, w.looks, log)
	}
}

func TestWatcherCountsThings(t *testing.T) {
	w := newWatched(t)
	pv := w.made("pvc-1")
	copied := pv
	copied.Name, copied.Context = "copy", map[string]string{"volume": "data", "cluster": w.cluster, "backend": "b"} // two mismatches, one orphan
	foreign := w.pv("pvc-3", noID)
	foreign.Handle = "former/" + noID
	w.pvs = []PV{pv, copied, foreign, {Name: "static", Driver: driver, Handle: "static", Context: map[string]string{"volume": ourName("pvc-4")}}}
	w.made("pvc-4") // in use by its name: only informational
	for range 2 {
		w.look(t)
	}
	want := map[string]map[string]int{
		"production": {checkOrphan: 0, checkNoVolume: 0, checkMismatch: 1, checkOperations: 0},
		"":           {checkUnknown: 1, checkMismatch: 1},
	}
	if !reflect.DeepEqual(w.counts, want) {
		t.Errorf("%v", w.counts)
	}
}

// TestWatcherThatNeverSucceeds: it must be visible that no comparison has succeeded.
func TestWatcherThatNeverSucceeds(t *testing.T) {
	w := newWatched(t)
	w.pvsErr = errors.New("forbidden")
	w.look(t)
	if want := map[string]int{"production": 0, "": 0}; !reflect.DeepEqual(w.looks, want) || len(w.counts) != 0 {
		t.Errorf("%v, %v", w.looks, w.counts)
	}
}

func TestWatcherForgetsBackends(t *testing.T) {
	w := newWatched(t)
	w.made("pvc-1")
	for range 2 {
		w.look(t)
	}
	w.backends = nil
	w.look(t)
	for _, got := range [][]string{slices.Collect(maps.Keys(w.counts)), slices.Collect(maps.Keys(w.looks))} {
		if !reflect.DeepEqual(got, []string{""}) {
			t.Errorf("figures of %q are left", got)
		}
	}
}

func TestLogLinesAreShort(t *testing.T) {
	w := newWatched(t)
	for i := range 30 {
		w.made(fmt.Sprintf("pvc-%d", i))
	}
	w.look(t)
	if log := w.look(t); strings.Count(log, "\n") != 1 || !strings.Contains(log, "and 20 more") || !strings.Contains(log, "total=30") {
		t.Error(log)
	}
}

// TestWatcherTimes: the second comparison must not wait for a long interval, and must not come before ConfirmAfter.
func TestWatcherTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var looks []time.Duration
		ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), klog.Logger{}))
		w := &Watcher{Interval: 6 * time.Hour, Backends: func() []*heketi.Backend { return nil }, Observer: &observed{looks: map[string]int{}}, PVs: func(context.Context) ([]PV, error) {
			if looks = append(looks, time.Since(begin)); len(looks) == 4 {
				cancel()
			}
			return nil, errors.New("away")
		}}
		w.Run(ctx)
		if want := []time.Duration{0, ConfirmAfter, ConfirmAfter + 6*time.Hour, ConfirmAfter + 12*time.Hour}; !reflect.DeepEqual(looks, want) {
			t.Errorf("looks at %v", looks)
		}
	})
}
