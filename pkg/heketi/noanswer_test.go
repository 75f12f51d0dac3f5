package heketi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestEveryCallWithoutAnAnswer: the error has no HTTP status, and names the request once.
func TestEveryCallWithoutAnAnswer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for request, call := range everyCall(t.Context()) {
		err := call(newTestClient(t, BackendConfig{URL: gone.URL}, DefaultTiming()))
		if !errors.Is(err, volume.ErrUnavailable) || strings.Contains(err.Error(), "HTTP") || strings.Count(err.Error(), gone.URL) != 1 {
			t.Errorf("%s: %v", request, err)
		}
	}
}

// TestEveryCallIsBounded: a call ends with the time limit of one request or with its context, and the error shows which.
func TestEveryCallIsBounded(t *testing.T) {
	ended := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer mute.Close()
	defer close(ended)
	timing := DefaultTiming()
	timing.Exchange, timing.Examine = 20*time.Millisecond, 20*time.Millisecond
	for request, call := range everyCall(t.Context()) {
		if err := call(newTestClient(t, BackendConfig{URL: mute.URL}, timing)); !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "no complete answer within 20ms") {
			t.Errorf("%s: %v", request, err)
		}
	}
	why := errors.New("the kubelet has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	for request, call := range everyCall(ctx) {
		if err := call(newTestClient(t, BackendConfig{URL: mute.URL}, DefaultTiming())); !errors.Is(err, why) {
			t.Errorf("%s: %v", request, err)
		}
	}
	if _, err := newTestClient(t, BackendConfig{URL: mute.URL}, timing).backend.Hello(t.Context()); err == nil || !strings.Contains(err.Error(), "no complete answer within 20ms") {
		t.Errorf("hello: %v", err)
	}
}

// TestHelloFails: another answer than the greeting, and no answer, are errors.
func TestHelloFails(t *testing.T) {
	url, _ := serving(t, http.StatusOK, "<html>")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("Hello from Heketi"))
	}))
	defer cut.Close()
	for _, tt := range []struct{ url, says string }{
		{url, errNotHeketi.Error()}, {gone.URL, "connection refused"}, {cut.URL, "read the answer: unexpected EOF"},
	} {
		_, err := newTestClient(t, BackendConfig{URL: tt.url}, DefaultTiming()).backend.Hello(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "HTTP ") {
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
}

// TestAhead: a date without its fraction of a second stands for the middle of the second, and is compared with the middle of the
// call.
func TestAhead(t *testing.T) {
	date := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct{ asked, took, want time.Duration }{
		{0, 0, 500 * time.Millisecond},
		{500 * time.Millisecond, 0, 0},
		{0, time.Second, 0},
		{0, 4 * time.Second, -1500 * time.Millisecond},
		{-time.Hour, 2 * time.Second, time.Hour - 500*time.Millisecond},
	} {
		asked := date.Add(tt.asked)
		if got := ahead(date, asked, asked.Add(tt.took)); got != tt.want {
			t.Errorf("asked at %v, answered %v later: %v, want %v", tt.asked, tt.took, got, tt.want)
		}
	}
}

// TestInconsistencies: as many inconsistencies are returned as Heketi counts, and with Heketi's texts if it has sent any.
func TestInconsistencies(t *testing.T) {
	url, _ := serving(t, http.StatusOK, `{"volumes": {"inconsistencies": ["Volume a\nhas no bricks"]}, "totalinconsistencies": 3}`)
	got, err := newTestClient(t, BackendConfig{URL: url}, DefaultTiming()).Inconsistencies(t.Context())
	if want := []string{"Volume a; has no bricks", "(Heketi gives no details)", "(Heketi gives no details)"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// TestAccepted: only "accepted", with a place in the queue, is a valid answer to a request for an operation.
func TestAccepted(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		location string
		want     bool
	}{
		"accepted":         {http.StatusAccepted, "/queue/1", true},
		"good":             {http.StatusOK, "/queue/1", false},
		"another location": {http.StatusAccepted, "/volumes/1", false},
		"no location":      {http.StatusAccepted, "", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, queuePath) {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			if r.Method == http.MethodGet {
				http.Error(w, "asked for "+r.URL.Path, http.StatusTeapot)
				return
			}
			if tt.location != "" {
				w.Header().Set("Location", tt.location)
			}
			w.WriteHeader(tt.status)
		}))
		err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).DeleteVolume(t.Context(), testID)
		if (err == nil) != tt.want || err != nil && OutcomeOf(err) != Unknown {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// TestUnrecorded counts the requests that Heketi has begun and that its database does not show.
func TestUnrecorded(t *testing.T) {
	for body, want := range map[string]int{
		`{"total": 5, "in_flight": 3, "stale": 1, "failed": 1, "new": 1}`: 2,
		`{"total": 0, "in_flight": 0, "new": 0}`:                          0,
		`{"total": 2, "in_flight": 2, "new": 2}`:                          0,
	} {
		url, _ := serving(t, http.StatusOK, body)
		if got, err := newTestClient(t, BackendConfig{URL: url}, DefaultTiming()).Unrecorded(t.Context()); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", body, got, err, want)
		}
	}
	url, _ := serving(t, http.StatusInternalServerError, "the sky falls")
	if _, err := newTestClient(t, BackendConfig{URL: url}, DefaultTiming()).Unrecorded(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /operations: the sky falls") {
		t.Errorf("%v", err)
	}
	if _, err := newTestClient(t, BackendConfig{URL: url, KeyFile: "/nowhere"}, DefaultTiming()).Unrecorded(t.Context()); err == nil || !strings.Contains(err.Error(), "keyFile") {
		t.Errorf("%v", err)
	}
}

// TestResultOfAnExpand: an answer about another volume is refused.
func TestResultOfAnExpand(t *testing.T) {
	for _, id := range []string{testID, "another"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, queuePath):
				http.Redirect(w, r, "/volumes/"+id, http.StatusSeeOther)
			case r.Method == http.MethodPost:
				w.Header().Set("Location", "/queue/1")
				w.WriteHeader(http.StatusAccepted)
			default:
				_, _ = w.Write([]byte(`{"id": "` + id + `", "size": 7}`))
			}
		}))
		v, err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).ExpandVolume(t.Context(), testID, 1, func() error { return nil })
		if want := id == testID; (err == nil) != want || want && v.SizeGiB != 7 || !want && OutcomeOf(err) != Unknown {
			t.Errorf("%s: %+v, %v", id, v, err)
		}
		server.Close()
	}
}

func TestNamesOfBackends(t *testing.T) {
	all := []*Backend{{config: BackendConfig{Name: "a", URL: "http://a"}}, {config: BackendConfig{Name: "b", URL: "http://b"}}}
	for n, want := range []string{"", "a (http://a)", "a (http://a), b (http://b)"} {
		if got := names(all[:n]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
