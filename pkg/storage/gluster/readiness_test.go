package gluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/cli"
)

// pool is a fake gluster with two peers and two volumes.
type pool struct {
	*fakeRunner
	t      *testing.T
	runDir string

	mu       sync.Mutex
	peer     string            // the XML of the second peer
	brick    string            // status of the local bricks
	kind     string            // type of the volumes
	pending  map[string]int    // by volume: number of entries that wait for self-heal
	answers  map[string]string // by command: replaces the output
	failures map[string]error  // by command
	takes    time.Duration     // duration of each command
}

func newPool(t *testing.T) *pool {
	t.Helper()
	p := &pool{
		fakeRunner: newFakeRunner(), t: t, runDir: t.TempDir(), peer: "<connected>1</connected><state>3</state><stateStr>Peer in Cluster</stateStr>",
		brick: "Started", kind: "Replicate", pending: map[string]int{"vol_1": 0, "vol_2": 0}, answers: map[string]string{}, failures: map[string]error{},
	}
	p.fakeRunner.answers = p.answer
	return p
}

func (p *pool) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

const okXML = "<cliOutput><opRet>0</opRet><opErrno>0</opErrno><opErrstr/>"

func (p *pool) answer(ctx context.Context, command string) (string, error) {
	p.mu.Lock()
	takes := p.takes
	p.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := strings.TrimPrefix(command, "gluster --mode=script ")
	if err := p.failures[asked]; err != nil {
		return p.answers[asked], err
	}
	if answer, ok := p.answers[asked]; ok {
		return answer, nil
	}
	words := strings.Fields(asked)
	switch {
	case asked == "pool list --xml":
		return okXML + "<peerStatus><peer><uuid>2</uuid><hostname>gluster2</hostname>" + p.peer + "</peer>" +
			"<peer><uuid>1</uuid><hostname>localhost</hostname><connected>1</connected></peer></peerStatus></cliOutput>", nil
	case words[0] == "get-state":
		return "", os.WriteFile(filepath.Join(words[3], words[5]), []byte(p.state()), 0o600)
	case strings.HasSuffix(asked, "info summary --xml"):
		n := p.pending[words[2]]
		return fmt.Sprintf(okXML+"<healInfo><bricks><brick><name>b</name><status>Connected</status><totalNumberOfEntries>%d</totalNumberOfEntries>"+
			"<numberOfEntriesInSplitBrain>0</numberOfEntriesInSplitBrain></brick></bricks></healInfo></cliOutput>", n), nil
	}
	return "", errors.New("unexpected: " + command)
}

func (p *pool) state() string {
	var s strings.Builder
	s.WriteString("[Global]\n[Volumes]\n")
	for i, name := range []string{"vol_1", "vol_2", "stopped"} {
		status, brick := "Started", p.brick
		if name == "stopped" {
			status, brick = "Stopped", "Stopped"
		}
		fmt.Fprintf(&s, "Volume%[1]d.name: %[2]s\nVolume%[1]d.type: %[3]s\nVolume%[1]d.status: %[4]s\nVolume%[1]d.Brick1.path: gluster1:/bricks/%[2]s/brick\n"+
			"Volume%[1]d.Brick1.status: %[5]s\nVolume%[1]d.Brick2.path: gluster2:/bricks/%[2]s/brick\n", i+1, name, p.kind, status, brick)
	}
	s.WriteString("[Misc]\n")
	return s.String()
}

// ready runs the readiness checks of a node whose glusterd runs.
func (p *pool) ready(ctx context.Context, healTimeout time.Duration) *readiness {
	l := defaultLimits()
	glusterd := newSupervisor(p, l, "glusterd")
	glusterd.setStatus(nil)
	m := newMounter(p, l, "", nil, nil)
	m.setFailing("/bricks/vol_2", errors.New("device /dev/x is missing"))
	r := newReadiness(Config{HealTimeout: healTimeout, RunDir: p.runDir}, l, p, glusterd, m)
	go r.run(ctx)
	return r
}

// probing runs a test with a pool, in fake time.
func probing(t *testing.T, healTimeout time.Duration, run func(ctx context.Context, p *pool, r *readiness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		p := newPool(t)
		run(ctx, p, p.ready(ctx, healTimeout))
	})
}

func mustSay(t *testing.T, err error, says string) {
	t.Helper()
	if says == "" && err == nil {
		return
	}
	if err == nil || says == "" || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %q", err, says)
	}
}

const (
	poolList = "pool list --xml"
	heal1    = "volume heal vol_1 info summary --xml"
	heal2    = "volume heal vol_2 info summary --xml"
)

func TestWhatIsWaitedFor(t *testing.T) {
	brick := func(volume, text string) string {
		return "volume " + volume + " has brick gluster1:/bricks/" + volume + "/brick " + text
	}
	summary := func(status, total, splitBrain string) string {
		return okXML + "<healInfo><bricks><brick><name>gluster2:/b</name><status>" + status + "</status>" + total + splitBrain + "</brick></bricks></healInfo></cliOutput>"
	}
	const unknown = "volume vol_1: the heal backlog of gluster2:/b is not known"
	for _, tc := range []struct {
		name   string
		change func(p *pool, r *readiness)
		says   string
	}{
		{"nothing", func(*pool, *readiness) {}, ""},
		{"glusterd", func(_ *pool, r *readiness) {
			r.glusterd.setStatus(errors.New("glusterd is not running: exit status 1"))
		}, "exit status 1"},
		{"an answer", func(p *pool, _ *readiness) { p.failures[poolList] = errors.New("exit status 1: Connection failed") }, "glusterd does not answer: exit status 1: Connection failed"},
		{"another answer", func(p *pool, _ *readiness) { p.answers[poolList] = "pool" }, "this is not the output"},
		{"a peer", func(p *pool, _ *readiness) { p.peer = "<connected>0</connected><stateStr>Peer in Cluster</stateStr>" }, "gluster2 is Peer in Cluster (Disconnected)"},
		{"a rejected peer", func(p *pool, _ *readiness) { p.peer = "<connected>1</connected><stateStr>Peer Rejected</stateStr>" }, "gluster2 is Peer Rejected (Connected)"},
		{"bricks", func(p *pool, _ *readiness) { p.brick = "Stopped" }, brick("vol_1", "stopped; ") +
			brick("vol_2", "stopped, since its file system is not mounted: device /dev/x is missing")},
		{"the state", func(p *pool, _ *readiness) {
			p.failures["get-state glusterd odir "+p.runDir+" file "+stateFile] = errFake
		}, "glusterd's state cannot be read: exit status 32"},
		{"self-heal", func(p *pool, _ *readiness) { p.pending["vol_2"] = 12 }, "volume vol_2: 12 entries wait for self-heal"},
		{"self-heal of both", func(p *pool, _ *readiness) { p.pending["vol_1"], p.pending["vol_2"] = 1, 2 }, "volume vol_1: 1 entries wait for self-heal; volume vol_2: 2 entries"},
		{"no self-heal", func(p *pool, _ *readiness) { p.kind, p.pending["vol_2"] = "Distribute", 12 }, ""},
		{"self-heal of a dispersed volume", func(p *pool, _ *readiness) { p.kind, p.pending["vol_2"] = "Distributed-Disperse", 12 }, "vol_2: 12"},
		{"a brick whose backlog is unknown", func(p *pool, _ *readiness) { p.answers[heal1] = summary("Transport endpoint is not connected", "", "") }, unknown},
		{"split-brain", func(p *pool, _ *readiness) {
			p.answers[heal1] = summary("Connected", "<totalNumberOfEntries>3</totalNumberOfEntries>", "<numberOfEntriesInSplitBrain>3</numberOfEntriesInSplitBrain>")
		}, ""},
		{"a volume that cannot be asked", func(p *pool, _ *readiness) {
			p.answers[heal1] = "<cliOutput><opRet>-1</opRet><opErrstr>All the bricks are not running.</opErrstr></cliOutput>"
			p.failures[heal1] = errors.New("exit status 107")
		}, "volume vol_1: the heal backlog cannot be read: All the bricks are not running."},
		{"no heal info", func(p *pool, _ *readiness) { p.failures[heal1] = errFake }, "volume vol_1: the heal backlog cannot be read: exit status 32"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
				p.set(func() { tc.change(p, r) })
				mustSay(t, r.probe(ctx), tc.says)
			})
		})
	}
}

// TestSlowAnswers: a probe reports the slow command; the next one joins the check in flight and gets its result.
func TestSlowAnswers(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		p.set(func() { p.takes = 6500 * time.Millisecond })
		begun := time.Now()
		mustSay(t, r.probe(ctx), "no answer yet: gluster get-state")
		if took := time.Since(begun); took != defaultLimits().answer {
			t.Errorf("the probe took %s", took)
		}
		mustSay(t, r.probe(ctx), "no answer yet: gluster volume heal vol_1 info summary")
		mustSay(t, r.probe(ctx), "no answer yet: gluster volume heal vol_2 info summary")
		mustSay(t, r.probe(ctx), "")
		if n := p.count("gluster --mode=script " + poolList); n != 1 {
			t.Errorf("%d checks", n)
		}
		p.set(func() { p.takes = time.Hour })
		time.Sleep(defaultLimits().bricksPause)
		mustSay(t, r.probe(ctx), "no answer yet: gluster get-state")
		time.Sleep(cli.DefaultLimits().State)
		p.set(func() { p.takes = 0 })
		mustSay(t, r.probe(ctx), "")
	})
}

// TestNoAnswer: while glusterd does not answer, a probe that waits for the end of the command reports its time limit, and one
// that waits less reports the command.
func TestNoAnswer(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		p.set(func() { p.takes = time.Hour })
		mustSay(t, r.probe(ctx), "glusterd does not answer: did not end within 7s")
		impatient, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		mustSay(t, r.probe(impatient), "no answer yet: gluster pool list")
	})
}

func TestServer(t *testing.T) {
	probing(t, 0, func(ctx context.Context, p *pool, r *readiness) {
		serving := newServing(Config{RunDir: p.runDir}, defaultLimits(), p, r.glusterd)
		go serving.run(ctx)
		handler := newServer(r, serving).Handler
		get := func(path string, code int, says string) {
			t.Helper()
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
			if body := recorder.Body.String(); recorder.Code != code || !strings.Contains(body, says) || strings.Count(body, "\n") != 1 {
				t.Errorf("%s: %d, %q", path, recorder.Code, body)
			}
		}
		p.set(func() { p.failures[poolList] = errors.New("first\nsecond\x1b[2J") })
		get("/readyz", http.StatusServiceUnavailable, "first; second")
		get("/servez", http.StatusServiceUnavailable, "first; second")
		get("/healthz", http.StatusOK, "ok")
		p.set(func() { delete(p.failures, poolList) })
		p.set(func() { p.peer = "<connected>0</connected><stateStr>Peer in Cluster</stateStr>" })
		get("/readyz", http.StatusServiceUnavailable, "gluster peer detach HOST force")
		get("/servez", http.StatusOK, "ok")
		p.set(func() {
			p.peer, p.brick = "<connected>1</connected><state>3</state><stateStr>Peer in Cluster</stateStr>", "Stopped"
		})
		get("/readyz", http.StatusServiceUnavailable, "heketi-cli device disable, device remove, device delete --force-forget")
		get("/servez", http.StatusOK, "ok")
		p.set(func() { p.brick = "Started" })
		get("/readyz", http.StatusOK, "ok")
		get("/", http.StatusNotFound, "")
	})
}

// TestFew: the message about a cluster of a hundred volumes does not fill an event.
func TestFew(t *testing.T) {
	for want, things := range map[string][]string{"": nil, "a": {"a"}, "a; b; c": {"a", "b", "c"}, "a; b; c; and 2 more": {"a", "b", "c", "d", "e"}} {
		if got := few(things); got != want {
			t.Errorf("%q: %q", things, got)
		}
	}
}
