package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestProxy applies each fault to a create.
func TestProxy(t *testing.T) {
	var arrived atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := arrived.Add(1)
		w.Header().Set("Location", "/queue/1")
		w.WriteHeader(http.StatusAccepted)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %s %s %s", n, r.Method, r.Header.Get("Authorization"), body)
	}))
	defer server.Close()
	tests := []struct {
		fault   Fault
		arrives int32
		want    string // status and body; "" means no complete answer
	}{
		{NoFault, 1, "202 1 POST token {}"},
		{DropRequest, 0, ""},
		{DropResponse, 1, ""},
		{HalfBody, 1, ""},
		{Hang, 0, ""},
		{Delay, 1, "202 1 POST token {}"},
		{SlowAnswer, 1, "202 1 POST token {}"},
		{Duplicate, 2, "202"},
		{Throttled, 0, "429 Server busy. Retry operation later."},
		{Unavailable, 0, "503 <html>"},
		{TimedOut, 1, "504 <html>"},
		{Garbage, 0, " <html>"},
		{Late, 1, ""},
	}
	for _, tt := range tests {
		t.Run("fault "+string(tt.fault), func(t *testing.T) {
			arrived.Store(0)
			p, err := StartProxy(t.Context(), server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Close() }()
			p.Storm(newStream(1, map[Class][]Rate{ClassCreate: {{tt.fault, 1}}}), NewTrace())
			got := post(t, p.URL)
			if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
				t.Errorf("the answer is %q, want %q", got, tt.want)
			}
			for p.underWay.Load() > 0 && wait(t.Context(), time.Millisecond) { // a late one
			}
			if n := arrived.Load(); n != tt.arrives {
				t.Errorf("it arrived %d times, want %d", n, tt.arrives)
			}
			p.Calm()
			if got := post(t, p.URL); !strings.HasPrefix(got, "202") {
				t.Errorf("after the faults the answer is %q", got)
			}
		})
	}
}

func post(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/volumes", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "token")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

func TestRefuseAndListenAgain(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p, err := StartProxy(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if err := p.Refuse(); err != nil {
		t.Fatal(err)
	}
	if got := post(t, p.URL); got != "" {
		t.Errorf("a proxy that refuses answers %q", got)
	}
	if err := p.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := post(t, p.URL); !strings.HasPrefix(got, "404") {
		t.Errorf("after Listen the answer is %q", got)
	}
}

// TestRequestCutOff: the connection of a request is cut between its arrival and its execution. Heketi accepts the request, but
// the driver gets no answer.
func TestRequestCutOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/queue/1")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	p, err := StartProxy(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	arrived := p.ledger.current()
	expand := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/volumes/v/expand", http.NoBody)
	p.serve(httptest.NewRecorder(), expand, arrived)
	if got := p.ledger.unfollowed(); len(got) != 1 {
		t.Errorf("the driver has the answer, and has to follow %q, want one operation", got)
	}
	if err := p.Refuse(); err != nil {
		t.Fatal(err)
	}
	p.serve(httptest.NewRecorder(), expand, arrived)
	if got := p.ledger.unfollowed(); len(got) != 0 {
		t.Errorf("the driver has no answer, and has to follow %q, want none", got)
	}
}

// TestLedger covers operations that are begun twice or not followed.
func TestLedger(t *testing.T) {
	const what = "create n"
	tests := []struct {
		name       string
		happens    func(l *ledger)
		overlaps   int
		unfollowed int
	}{
		{"followed", func(l *ledger) {
			l.begins(0, what)
			l.ends(0, what)
			l.accepted(0, what, "/queue/1")
			l.heard("/queue/1")
		}, 0, 0},
		{"refused and sent again", func(l *ledger) { l.begins(0, what); l.ends(0, what); l.begins(0, what); l.ends(0, what) }, 0, 0},
		{"not followed", func(l *ledger) { l.begins(0, what); l.ends(0, what); l.accepted(0, what, "/queue/1") }, 0, 1},
		{"sent twice at once", func(l *ledger) { l.begins(0, what); l.begins(0, what) }, 1, 0},
		{"sent again before its end", func(l *ledger) { l.accepted(0, what, "/queue/1"); l.begins(0, what) }, 1, 1},
		{"another one", func(l *ledger) { l.accepted(0, what, "/queue/1"); l.begins(0, "create m") }, 0, 1},
		{"cut off in between", func(l *ledger) { l.begins(0, what); l.accepted(0, what, "/queue/1"); l.forget(); l.begins(1, what) }, 0, 0},
		{"cut off before the answer", func(l *ledger) { l.begins(0, what); l.forget(); l.accepted(0, what, "/queue/1") }, 0, 0},
		{"cut off before its beginning", func(l *ledger) { l.forget(); l.begins(0, what); l.begins(1, what); l.accepted(0, what, "/queue/1") }, 0, 0},
	}
	for _, tt := range tests {
		l := newLedger()
		tt.happens(l)
		if overlaps, unfollowed := len(l.takeOverlaps()), len(l.unfollowed()); overlaps != tt.overlaps || unfollowed != tt.unfollowed {
			t.Errorf("%s: %d overlaps and %d unfollowed, want %d and %d", tt.name, overlaps, unfollowed, tt.overlaps, tt.unfollowed)
		}
	}
}
