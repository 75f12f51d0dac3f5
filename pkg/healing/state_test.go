package healing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// begin makes h start repairs, as Run does.
func (h *Healer) begin(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ctx = ctx
}

// running starts an attempt for the volume. The test ends the attempt by calling repairEnded.
func (h *Healer) running(volumeID string) *volumeState {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(volumeID)
	v.running, v.changed, v.ended = true, make(chan struct{}, 1), make(chan struct{})
	return v
}

func TestRepairWhileAnAttemptRuns(t *testing.T) {
	h := newHealer(t)
	h.begin(t.Context())
	v := h.running("id")
	ended := h.startRepair("id")
	select {
	case <-v.changed:
	default:
		t.Error("the running attempt is not signalled")
	}
	if !h.repairEnded(t.Context(), "id", false, false) {
		t.Error("no second attempt")
	}
	select {
	case <-ended:
		t.Error("the channel is closed before the second attempt")
	default:
	}
	if h.repairEnded(t.Context(), "id", true, false) {
		t.Error("a third attempt without a reason")
	}
	<-ended
}

// TestBackOff: failed attempts are repeated after growing pauses, up to a limit.
func TestBackOff(t *testing.T) {
	limits := DefaultLimits()
	h := newHealer(t)
	synctest.Test(t, func(t *testing.T) {
		for failures, want := range []time.Duration{limits.BackOff, 2 * limits.BackOff, 4 * limits.BackOff} {
			h.begin(t.Context())
			v := h.running("id")
			if h.repairEnded(t.Context(), "id", false, false) {
				t.Error("at once")
			}
			if v.failures != failures+1 {
				t.Errorf("%d failures", v.failures)
			}
			h.begin(nil) //nolint:staticcheck // the test makes the next attempt
			time.Sleep(want - 1)
			if !v.timer.Stop() {
				t.Errorf("attempt %d is too early", failures)
			}
		}
		for lives, want := range map[bool]time.Duration{false: limits.MaxBackOff, true: limits.LiveBackOff} {
			h.begin(t.Context())
			v := h.running("id")
			v.failures = 1000
			h.repairEnded(t.Context(), "id", false, lives)
			h.begin(nil) //nolint:staticcheck // the test makes the next attempt
			time.Sleep(want - 1)
			if !v.timer.Stop() {
				t.Errorf("client lives: %t: too early", lives)
			}
			h.begin(t.Context())
			h.running("id")
			h.repairEnded(t.Context(), "id", false, lives)
			h.begin(nil) //nolint:staticcheck // the test makes the next attempt
			time.Sleep(want + 1)
			if v.timer.Stop() {
				t.Errorf("client lives: %t: too late", lives)
			}
		}
		v := h.running("id")
		if h.repairEnded(t.Context(), "id", true, false); v.failures != 0 {
			t.Error("a success does not count")
		}
	})
}

// TestEnd: after Run no attempt begins, and waiting callers return.
func TestEnd(t *testing.T) {
	h := newHealer(t)
	manager, err := fuseclient.NewManager(t.Context(), fuseclient.Config{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	h.Manager = manager
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); h.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		begun := h.ctx != nil
		h.mu.Unlock()
		if begun || time.Now().After(deadline) {
			break
		}
	}
	<-h.startRepair("id") // the volume is not staged
	h.rememberLater(0, "id")
	cancel()
	<-ran
	<-h.startRepair("id")
	h.clientEnded("id")
	h.tableChanged(tables.Target{PID: 1}, true)
	h.rememberLater(0, "id")
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	for i := range burst {
		if wait := p.Admit(now, burst, interval); wait != 0 {
			t.Fatalf("attempt %d waits for %s", i, wait)
		}
	}
	if wait := p.Admit(now, burst, interval); wait != interval {
		t.Errorf("waits for %s", wait)
	}
	now = now.Add(interval)
	if wait := p.Admit(now, burst, interval); wait != 0 {
		t.Errorf("waits for %s after that", wait)
	}
	if wait := p.Admit(now.Add(time.Hour), burst, interval); wait != 0 {
		t.Errorf("waits for %s after an hour", wait)
	}
}

// TestEndedTargetIsWatchedOnce: the watcher reports a target of an ended process each time that it is set. A report must not lead
// to the next one.
func TestEndedTargetIsWatchedOnce(t *testing.T) {
	h := newHealer(t)
	h.begin(t.Context())
	ended := tables.Table{Namespace: 1, PID: 1 << 22, Start: 1}
	if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: "former", Tables: []tables.Table{ended}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan tables.Target, 10)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = h.watcher.Run(ctx, func(target tables.Target, ended bool) { h.tableChanged(target, ended); reports <- target })
	}()
	h.watch(t.Context())
	<-reports
	h.watch(t.Context())
	own, err := tables.Read(os.Getpid(), mount.Device{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.watcher.Set([]tables.Target{own.Target()}); err != nil { // its report comes after any other
		t.Fatal(err)
	}
	if got := <-reports; got != own.Target() {
		t.Error("the ended target is reported again")
	}
	cancel()
	<-ran
	if err := h.memory.remove("former"); err != nil {
		t.Fatal(err)
	}
	h.watch(t.Context())
	if len(h.ended) != 0 {
		t.Errorf("%v stay", h.ended)
	}
}

func TestTidy(t *testing.T) {
	h := newHealer(t)
	h.running("running")
	for _, id := range []string{"staged", "gone"} {
		h.volume(id).timer = time.AfterFunc(time.Hour, func() {})
	}
	h.tidy(map[string]bool{"staged": true})
	if h.volumes["gone"] != nil || h.volumes["staged"] == nil || h.volumes["running"] == nil {
		t.Errorf("%v", h.volumes)
	}
}

func TestOnlyNews(t *testing.T) {
	h := newHealer(t)
	a, b := Loss{Point: "/a"}, Loss{Point: "/b"}
	for i, step := range []struct {
		cause, pending int
		lost           []Loss
		news, known    int
	}{
		{byDeath, 0, []Loss{a, b}, 2, 0},
		{byDeath, 0, []Loss{a, b}, 0, 2},
		{byGraph, 0, []Loss{a}, 1, 0},
		{byDeath, 1, []Loss{a}, 0, 1}, // the attempt did not reach b
		{byDeath, 0, []Loss{b}, 0, 1},
		{byDeath, 0, []Loss{a, b}, 1, 1}, // a was in order in between
	} {
		outcome := Outcome{VolumeID: "id", Lost: step.lost, Pending: step.pending}
		if h.dropReported(&outcome, step.cause); len(outcome.Lost) != step.news || outcome.Known != step.known {
			t.Errorf("report %d has %+v", i, outcome)
		}
	}
	h.forgetLost("id", byDeath)
	outcome := Outcome{VolumeID: "id", Lost: []Loss{a}}
	if h.dropReported(&outcome, byDeath); len(outcome.Lost) != 1 {
		t.Error("a mount that was in order in between is not reported again")
	}
	for i := range 2 * mostLost {
		h.dropReported(&Outcome{VolumeID: "id", Pending: 1, Lost: []Loss{{Point: strconv.Itoa(i)}}}, byDeath)
	}
	if n := len(h.volume("id").lost[byDeath]); n != mostLost {
		t.Errorf("%d are kept", n)
	}
}

func TestMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mounts")
	m, err := openMemory(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"a", "b", "c", "d"} {
		if err := m.put(tables.Snapshot{VolumeID: "id", Client: client}); err != nil {
			t.Fatal(err)
		}
	}
	other, err := os.ReadFile(filepath.Join(dir, "c.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"b.json": "{", "c.json": `{"version": 1, "bootID": "another", "client": "c"}`, "d.json.new": "", "moved.json": string(other),
		"odd.json/file": "", // cannot be removed
	} {
		write(t, dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if m, err = openMemory(dir); err != nil {
		t.Fatal(err)
	}
	list := m.list()
	clients := make([]string, len(list))
	for i, s := range list {
		clients[i] = s.Client
	}
	if slices.Sort(clients); !slices.Equal(clients, []string{"a", "d"}) {
		t.Errorf("kept are %v", clients)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 3 {
		t.Errorf("left are %v", left)
	}
}

// memoryOfOne returns the directory of a memory with the snapshot of one client, "a".
func memoryOfOne(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "mounts")
	m, err := openMemory(dir)
	if err == nil {
		err = m.put(tables.Snapshot{VolumeID: "id", Client: "a"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMemoryThatCannotBeRead: a snapshot that cannot be read for the moment is not removed.
func TestMemoryThatCannotBeRead(t *testing.T) {
	dir := memoryOfOne(t)
	restore := mounttest.HideProc(t) // which has the boot id
	m, err := openMemory(dir)
	restore()
	if err != nil || len(m.list()) != 0 {
		t.Errorf("%+v, %v", m.list(), err)
	}
	if m, err = openMemory(dir); err != nil || len(m.list()) != 1 {
		t.Errorf("at the next start: %+v, %v", m.list(), err)
	}
}

// TestMemoryAfterRollback: a newer version's snapshot stays until this version has a snapshot that is not empty.
func TestMemoryAfterRollback(t *testing.T) {
	dir := memoryOfOne(t)
	path := filepath.Join(dir, "a.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(content), `"version": 1`, `"version": 99`, 1)
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := openMemory(dir)
	if err != nil || len(m.list()) != 0 {
		t.Fatal(m.list(), err)
	}
	isNewer := func() bool {
		now, _ := os.ReadFile(path)
		return string(now) == newer
	}
	if !isNewer() {
		t.Error("the newer version's snapshot is gone after the start")
	}
	if err := m.put(tables.Snapshot{VolumeID: "id", Client: "a"}); err != nil || !isNewer() {
		t.Error("it is replaced by an empty snapshot", err)
	}
	for range 2 {
		if err := m.put(tables.Snapshot{VolumeID: "id", Client: "a", Tables: []tables.Table{{PID: 1}}}); err != nil || isNewer() {
			t.Error("the new snapshot is not saved", err)
		}
	}
}

// TestMemoryWhileItIsSaved: a slow disk does not keep snapshots from being read.
func TestMemoryWhileItIsSaved(t *testing.T) {
	m, err := openMemory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m.saving.Lock()
	saved := make(chan error, 2)
	for range 2 {
		go func() { saved <- m.put(tables.Snapshot{Client: "a", Graph: "new"}) }()
	}
	for deadline := time.Now().Add(30 * time.Second); m.saves("a") < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("snapshots cannot be read")
		}
	}
	if kept, known := m.get("a"); !known || kept.Graph != "new" || len(m.list()) != 1 {
		t.Errorf("%+v, %t", kept, known)
	}
	m.saving.Unlock()
	if err := errors.Join(<-saved, <-saved); err != nil {
		t.Error(err)
	}
	if kept, known, err := m.disk.Load("a"); !known || kept.Graph != "new" {
		t.Errorf("on disk: %+v, %v", kept, err)
	}
}

// TestMemoryKeepsTheNewer: tables that were read before another snapshot was saved or removed are not saved any more.
func TestMemoryKeepsTheNewer(t *testing.T) {
	m, err := openMemory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first, newer := tables.Snapshot{Client: "a", Graph: "first"}, tables.Snapshot{Client: "a", Graph: "newer"}
	before := m.saves("a")
	if kept, err := m.putAfter(before, first); !kept || err != nil {
		t.Error(kept, err)
	}
	seen := m.saves("a")
	if err := m.put(newer); err != nil {
		t.Fatal(err)
	}
	if kept, err := m.putAfter(seen, first); kept || err != nil {
		t.Error(kept, err)
	}
	if got, _ := m.get("a"); got.Graph != "newer" {
		t.Error(got)
	}
	seen = m.saves("a")
	if err := m.remove("a"); err != nil {
		t.Fatal(err)
	}
	if kept, err := m.putAfter(seen, first); kept || err != nil {
		t.Error("a removed one is back", err)
	}
	if kept, err := m.putAfter(before, first); kept || err != nil {
		t.Error("tables from before the first save are saved after a removal", err)
	}
}

// TestMemoryAfterRestart: the same holds for a snapshot of the last node plugin.
func TestMemoryAfterRestart(t *testing.T) {
	m, err := openMemory(memoryOfOne(t))
	if err != nil {
		t.Fatal(err)
	}
	kept, known := m.get("a")
	if !known {
		t.Fatal("the snapshot is not loaded")
	}
	seen := m.saves("a")
	if err := m.remove("a"); err != nil {
		t.Fatal(err)
	}
	if saved, err := m.putAfter(seen, kept); saved || err != nil || len(m.list()) != 0 {
		t.Error("a removed one is back", err)
	}
}

// TestPutOff: very frequent events lead to a delayed attempt, and are signalled to a running one.
func TestPutOff(t *testing.T) {
	h := newHealer(t)
	synctest.Test(t, func(t *testing.T) {
		h.begin(t.Context())
		v := h.running("id")
		again := func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			was := v.repeat
			v.repeat = false
			return was
		}
		for range burst {
			h.clientEnded("id")
		}
		if !again() {
			t.Error("not signalled at once")
		}
		<-v.changed
		for range 3 {
			h.clientEnded("id")
		}
		if again() {
			t.Error("at once")
		}
		<-v.changed
		time.Sleep(interval)
		synctest.Wait()
		if !again() {
			t.Error("never")
		}
		h.startRepairPaced("id", changesOf) // counted separately
		if !again() {
			t.Error("deaths put off changes")
		}
	})
}

// TestRememberTogether: many volumes cost one scan of the node.
func TestRememberTogether(t *testing.T) {
	h := newHealer(t)
	synctest.Test(t, func(t *testing.T) {
		h.begin(t.Context())
		for _, id := range []string{"a", "b", "a"} {
			h.rememberLater(time.Second, id)
		}
		h.mu.Lock()
		if len(h.due) != 1 {
			t.Errorf("%v", h.due)
		}
		h.mu.Unlock()
		time.Sleep(time.Second + batch)
		synctest.Wait()
		h.group.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.due) != 0 {
			t.Errorf("left are %v", h.due)
		}
	})
}

// TestOneScanAtATime: what is to be remembered during a scan of the node waits for the next one.
func TestOneScanAtATime(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	h.serve(t, 1, map[string]string{"id": staging})
	h.begin(t.Context())
	h.scanning.Lock()
	h.remember(t.Context(), map[string]bool{"id": true})
	h.scanning.Unlock()
	h.begin(nil) //nolint:staticcheck // no scan follows
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.due) != 1 || len(h.memory.list()) != 0 {
		t.Errorf("due are %v", h.due)
	}
}

// TestRememberKeepsWhatItCannotCompare: a client that does not report its graph may have another graph, so mounts may be missing.
func TestRememberKeepsWhatItCannotCompare(t *testing.T) {
	h := newHealer(t)
	kept := tables.Snapshot{VolumeID: "id", Client: "a", Graph: "g", Tables: []tables.Table{{PID: 1, Pod: "kept"}}}
	if err := h.memory.put(kept); err != nil {
		t.Fatal(err)
	}
	h.volume("id").graphReadAt = time.Now()
	h.rememberOne(t.Context(), fuseclient.Served{VolumeID: "id", Client: "a", Alive: true}, scanResult{complete: true, saves: 1})
	if got, _ := h.memory.get("a"); len(got.Tables) != 1 || h.memory.saves("a") != 1 {
		t.Errorf("%+v", got)
	}
	if !h.volume("id").graphReadAt.IsZero() {
		t.Error("the next check does not repair the volume")
	}
}

// TestSlotsAreForNewClients: a volume whose client lives does not wait for volumes that get a new one.
func TestSlotsAreForNewClients(t *testing.T) {
	h := newHealer(t)
	h.slots.TryAcquire(int64(h.limits.AtOnce))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !h.heal(ctx, fuseclient.Served{VolumeID: "id", Client: "a", Alive: true}, nil) || ctx.Err() != nil {
		t.Error("it has waited")
	}
}

// TestScansOfRepairs: the scans for repairs of volumes with live clients wait for one another, and leave the rest for a later attempt
// when the time is over. A repair after a death does not wait.
func TestScansOfRepairs(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	mountAt(t, staging, "server:/vol", "tmpfs", "")
	dead := tables.Snapshot{VolumeID: "id", Client: "a-1", Device: mount.Device{Minor: 1 << 19}}
	r := h.testRepairer(t, staging)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ctx = ctx
	h.scans.TryAcquire(scansAtOnce)
	if r.replaceDead(dead) {
		t.Error("an attempt has not waited")
	}
	if r.renewOthers(nil); r.outcome.Pending != 1 {
		t.Errorf("%+v", r.outcome)
	}
	r.urgent = true
	if !r.replaceDead(dead) {
		t.Error("the repair after a death has waited")
	}
}

// TestRepairOfNothing: the snapshots of a volume that is no longer staged are dropped.
func TestRepairOfNothing(t *testing.T) {
	h := newHealer(t)
	for _, s := range []tables.Snapshot{{VolumeID: "id", Client: "a"}, {VolumeID: "id", Client: "b"}, {VolumeID: "other", Client: "c"}} {
		if err := h.memory.put(s); err != nil {
			t.Fatal(err)
		}
	}
	if complete, lives := h.repair(t.Context(), "id"); !complete || lives {
		t.Error("something is left to try, or a client lives")
	}
	if list := h.memory.list(); len(list) != 1 || list[0].Client != "c" {
		t.Errorf("%+v", list)
	}
}
