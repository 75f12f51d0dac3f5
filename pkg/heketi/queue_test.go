package heketi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestOperationWithoutTime: if the caller's context ends, the outcome of the operation is unknown.
func TestOperationWithoutTime(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the kubelet has gone")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, queuePath) {
			w.Header().Set("X-Pending", "true")
			cancel(gone)
			return
		}
		w.Header().Set("Location", "/queue/1")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).DeleteVolume(ctx, testID)
	if e, ok := errors.AsType[*Error](err); !ok || e.Stage != StagePoll || OutcomeOf(err) != Unknown || !errors.Is(err, gone) || strings.Contains(err.Error(), "HTTP") {
		t.Errorf("%v", err)
	}
}

// TestQueueAnswers: an invalid answer about an operation is an error.
func TestQueueAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		pending string
		status  int
		want    bool
	}{
		"done":                   {"", http.StatusNoContent, true},
		"good, and not pending":  {"", http.StatusOK, false},
		"pending is no":          {"false", http.StatusOK, false},
		"accepted":               {"", http.StatusAccepted, false},
		"pending with no status": {"true", http.StatusCreated, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, queuePath) {
				if tt.pending != "" {
					w.Header().Set("X-Pending", tt.pending)
				}
				w.WriteHeader(tt.status)
				return
			}
			w.Header().Set("Location", "/queue/1")
			w.WriteHeader(http.StatusAccepted)
		}))
		err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).DeleteVolume(t.Context(), testID)
		if (err == nil) != tt.want || err != nil && OutcomeOf(err) != Unknown {
			t.Errorf("%s: %v", name, err)
		}
		if e, ok := errors.AsType[*Error](err); ok && (e.Stage != StagePoll || e.Status != tt.status) {
			t.Errorf("%s: %v at stage %s, want it refused as an answer about the operation", name, err, e.Stage)
		}
		server.Close()
	}
}

// TestOutage: an unreachable Heketi is polled again, and each answer restarts the limit.
func TestOutage(t *testing.T) {
	timing := DefaultTiming()
	timing.PollMin, timing.PollMax, timing.Outage = 5*time.Millisecond, 5*time.Millisecond, time.Second
	for name, tt := range map[string]struct {
		answer func(n int64) int // status of the n-th poll
		want   Outcome
		done   bool
	}{
		"away now and then": {func(n int64) int {
			switch {
			case n == 300: // longer than the permitted outage
				return http.StatusNoContent
			case n%2 == 0:
				return http.StatusBadGateway
			}
			return http.StatusOK
		}, Refused, true},
		"away for good": {func(int64) int { return http.StatusServiceUnavailable }, Unknown, false},
		"away and back": {func(n int64) int {
			return map[bool]int{true: http.StatusGatewayTimeout, false: http.StatusNoContent}[n < 3]
		}, Refused, true},
		"does not know it": {func(int64) int { return http.StatusNotFound }, Unknown, false},
	} {
		var questions atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, queuePath) {
				status := tt.answer(questions.Add(1))
				if status == http.StatusOK {
					w.Header().Set("X-Pending", "true")
				}
				w.WriteHeader(status)
				return
			}
			w.Header().Set("Location", "/queue/1")
			w.WriteHeader(http.StatusAccepted)
		}))
		err := newTestClient(t, BackendConfig{URL: server.URL}, timing).DeleteVolume(t.Context(), testID)
		if (err == nil) != tt.done || err != nil && OutcomeOf(err) != tt.want {
			t.Errorf("%s: %v after %d questions", name, err, questions.Load())
		}
		if name == "does not know it" && questions.Load() != 1 {
			t.Errorf("%s: %d questions", name, questions.Load())
		}
		server.Close()
	}
}

// TestBodiesAreSentAgain: a request that a busy Heketi refused is repeated unchanged.
func TestBodiesAreSentAgain(t *testing.T) {
	timing := DefaultTiming()
	timing.PollMin, timing.PollMax = time.Millisecond, time.Millisecond
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1000)
		n, _ := r.Body.Read(body)
		bodies = append(bodies, string(body[:n]))
		w.Header().Set("Connection", "close") // on a connection that is kept alive, net/http itself repeats the body
		http.Error(w, "Server busy. Retry operation later.", map[bool]int{true: http.StatusTooManyRequests, false: http.StatusConflict}[len(bodies) < 4])
	}))
	defer server.Close()
	_, err := newTestClient(t, BackendConfig{URL: server.URL}, timing).ExpandVolume(t.Context(), testID, 7, func() error { return nil })
	if !errors.Is(err, volume.ErrPrecondition) || len(bodies) != 4 {
		t.Errorf("%v after %d requests", err, len(bodies))
	}
	for i, body := range bodies {
		if !strings.Contains(body, `"expand_size":7`) {
			t.Errorf("request %d: %q", i, body)
		}
	}
	// A caller whose context ends does not wait for the next attempt.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	timing.PollMin, timing.PollMax = time.Hour, time.Hour
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusTooManyRequests) }))
	defer busy.Close()
	if err := newTestClient(t, BackendConfig{URL: busy.URL}, timing).DeleteVolume(ctx, testID); !errors.Is(err, volume.ErrBusy) {
		t.Errorf("without time: %v", err)
	}
}
