package heketi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// pipes is a listener of connections in memory, so that the test controls the time.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// inMemory returns a client of a Heketi in the bubble of a synctest, and a function that stops both.
func inMemory(t *testing.T, timing Timing, answer http.HandlerFunc) (client *Client, end func()) {
	t.Helper()
	listener := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: answer, ReadHeaderTimeout: time.Hour}
	go func() { _ = server.Serve(listener) }()
	client = newTestClient(t, BackendConfig{URL: "http://heketi.example:8080"}, timing)
	client.backend.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		listener.dialed <- far
		return near, nil
	}
	return client, func() {
		client.backend.transport.CloseIdleConnections()
		_ = server.Close()
		synctest.Wait()
	}
}

// TestBusyHeketiIsAskedLess: a Heketi at its limit is asked less and less often, for a minute.
func TestBusyHeketiIsAskedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client, end := inMemory(t, DefaultTiming(), func(w http.ResponseWriter, _ *http.Request) {
			requests++
			http.Error(w, "Server busy. Retry operation later.", http.StatusTooManyRequests)
		})
		defer end()
		began := time.Now()
		err := client.DeleteVolume(t.Context(), testID)
		if took := time.Since(began); !errors.Is(err, volume.ErrBusy) || took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if requests < 60 || requests > 140 {
			t.Errorf("%d requests in a minute, want about one a second", requests)
		}
	})
}

// TestOperationIsAskedFor: an operation is polled at intervals that grow with its duration; while Heketi is unreachable, no
// longer than the permitted outage.
func TestOperationIsAskedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		answer      func(elapsed time.Duration, n int) int
		least, most int // polls
		done        bool
	}{
		"an operation of ten seconds": {func(elapsed time.Duration, n int) int {
			if elapsed < 10*time.Second && n < 10_000 {
				return http.StatusOK
			}
			return http.StatusNoContent
		}, 100, 400, true},
		// Each second, from the start until more than a minute is over.
		"an outage": {func(time.Duration, int) int { return http.StatusBadGateway }, 62, 62, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			timing := DefaultTiming()
			if !tt.done {
				timing.PollMin = timing.PollMax
			}
			questions, began := 0, time.Now()
			client, end := inMemory(t, timing, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, queuePath) {
					w.Header().Set("Location", "/queue/1")
					w.WriteHeader(http.StatusAccepted)
					return
				}
				questions++
				status := tt.answer(time.Since(began), questions)
				if status == http.StatusOK {
					w.Header().Set("X-Pending", "true")
				}
				w.WriteHeader(status)
			})
			defer end()
			if err := client.DeleteVolume(t.Context(), testID); (err == nil) != tt.done || questions < tt.least || questions > tt.most {
				t.Errorf("%s: %v after %d questions, want %d to %d", name, err, questions, tt.least, tt.most)
			}
		})
	}
}

// TestRequestsThatCannotBeSent: the call ends at once, before the operation is accepted and after.
func TestRequestsThatCannotBeSent(t *testing.T) {
	url, requests := serving(t, http.StatusOK, "{}")
	backend := newTestClient(t, BackendConfig{URL: url}, DefaultTiming()).backend
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		path    string
		sign    error
		getBody error
	}{
		"a request that is not signed": {"/volumes", broken, nil},
		"a poll that is not signed":    {queuePath + "1", broken, nil},
		"a request without its body":   {"/volumes", nil, broken},
		"a poll without its body":      {queuePath + "1", nil, broken},
	} {
		attempts := 0
		p := newPerformer(t.Context(), backend, time.Minute, func(*http.Request, []*http.Request) error { attempts++; return tt.sign }, nil)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+tt.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if tt.getBody != nil {
			request.GetBody = func() (_ io.ReadCloser, err error) { return nil, tt.getBody }
		}
		response, err := p.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, broken) || attempts > 1 {
			t.Errorf("%s: %v after %d attempts", name, err, attempts)
		}
	}
	if got := requests(); len(got) > 0 {
		t.Errorf("sent %q", got)
	}
}
