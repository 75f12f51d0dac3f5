package heketi

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func newTestClient(t *testing.T, config BackendConfig, timing Timing) *Client {
	t.Helper()
	config.Name = "main"
	backends, err := NewBackends(Config{Backends: []BackendConfig{config}}, timing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	backend, err := backends.Select("", "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := backend.Client(volume.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"clusters":["c1"]}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports the refused certificate
	server.StartTLS()
	defer server.Close()

	ca := writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	clusters, err := newTestClient(t, BackendConfig{URL: server.URL, CAFile: ca}, DefaultTiming()).Clusters(t.Context())
	if err != nil || len(clusters) != 1 {
		t.Errorf("with the CA file: %v, %v", clusters, err)
	}
	_, err = newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).Clusters(t.Context())
	if !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "caFile") {
		t.Errorf("without the CA file: %v, want a hint at caFile", err)
	}
}

// TestRefusedKeys: the message depends on whether there was a key at all.
func TestRefusedKeys(t *testing.T) {
	wrong := writeFile(t, "key", "wrong")
	const none = `no key is configured for backend "main"`
	for _, tc := range []struct {
		name        string
		keyFile     string
		credentials volume.Credentials
		status      int
		answer      string
		says, not   string
	}{
		{name: "no key", status: 401, answer: "signature is invalid", says: none, not: hintKey},
		{name: "no key, and other clocks", status: 401, answer: "Token used before issued", says: none, not: hintClock},
		{name: "only a user", credentials: volume.Credentials{User: "admin"}, status: 401, answer: "signature is invalid", says: none, not: hintKey},
		{name: "a configured key", keyFile: wrong, status: 401, answer: "signature is invalid", says: hintKey, not: "no key"},
		{name: "a configured key, and other clocks", keyFile: wrong, status: 401, answer: "Token used before issued", says: hintClock, not: "no key"},
		{name: "the request's key", credentials: volume.Credentials{Key: "wrong"}, status: 401, answer: "signature is invalid", says: hintKey, not: "no key"},
		{name: "another refusal", status: 500, answer: "No space", says: hintRoom, not: "no key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, tc.answer, tc.status) }))
			defer server.Close()
			client := newTestClient(t, BackendConfig{URL: server.URL, KeyFile: tc.keyFile}, DefaultTiming())
			client, err := client.backend.Client(tc.credentials)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Clusters(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), tc.not) {
				t.Errorf("%v: want %q and not %q", err, tc.says, tc.not)
			}
		})
	}
}

// TestRedirects: a redirected POST would become a GET, and a token would be sent to the target of the redirection.
func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s went elsewhere, with token: %t", r.Method, r.URL, r.Header.Get("Authorization") != "")
	}))
	defer elsewhere.Close()
	mux := http.NewServeMux()
	mux.Handle("POST /volumes", http.RedirectHandler(elsewhere.URL+"/volumes", http.StatusMovedPermanently))
	mux.HandleFunc("DELETE /volumes/1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/queue/1")
		w.WriteHeader(http.StatusAccepted)
	})
	mux.Handle("GET /queue/1", http.RedirectHandler(elsewhere.URL+"/volumes/1", http.StatusSeeOther))
	server := httptest.NewServer(mux)
	defer server.Close()

	client := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming())
	_, err := client.CreateVolume(t.Context(), CreateRequest{}, func() error { return nil })
	if !errors.Is(err, volume.ErrUnavailable) || OutcomeOf(err) != Unknown {
		t.Errorf("redirected create: %v", err)
	}
	err = client.DeleteVolume(t.Context(), "1")
	if !errors.Is(err, volume.ErrUnavailable) || OutcomeOf(err) != Unknown {
		t.Errorf("delete with a redirected queue: %v", err)
	}
}

// TestAcceptedWithoutQueue: an accepted operation without a place in the queue cannot be polled.
func TestAcceptedWithoutQueue(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	_, err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).CreateVolume(t.Context(), CreateRequest{}, func() error { return nil })
	if !errors.Is(err, volume.ErrUnavailable) || OutcomeOf(err) != Unknown {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	ended := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clusters", func(w http.ResponseWriter, _ *http.Request) {
		for range largestAnswer/1024 + 2 {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /volumes/1", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		<-ended // the rest never comes
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(ended)

	client := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming())
	if _, err := client.Clusters(t.Context()); !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large an answer: %v", err)
	}
	short := DefaultTiming()
	short.Exchange = 20 * time.Millisecond
	client = newTestClient(t, BackendConfig{URL: server.URL}, short)
	if _, err := client.Volume(t.Context(), "1"); !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "no complete answer within 20ms") {
		t.Errorf("an answer that stops: %v", err)
	}
}

func TestPollInterval(t *testing.T) {
	timing := DefaultTiming()
	for elapsed, want := range map[time.Duration]time.Duration{
		0:               10 * time.Millisecond,
		time.Second:     20 * time.Millisecond,
		5 * time.Second: 100 * time.Millisecond,
		time.Hour:       time.Second,
	} {
		if got := timing.pollInterval(elapsed); got != want {
			t.Errorf("after %v: %v, want %v", elapsed, got, want)
		}
	}
}
