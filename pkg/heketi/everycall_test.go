package heketi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const testID = "0123456789abcdef0123456789abcdef"

// everyCall returns each call of the client, by its first request.
func everyCall(ctx context.Context) map[string]func(*Client) error {
	return map[string]func(*Client) error{
		"POST /volumes": func(c *Client) error {
			_, err := c.CreateVolume(ctx, CreateRequest{Name: "v", Cluster: "c", SizeGiB: 1}, func() error { return nil })
			return err
		},
		"POST /volumes/" + testID + "/expand": func(c *Client) error {
			_, err := c.ExpandVolume(ctx, testID, 1, func() error { return nil })
			return err
		},
		"DELETE /volumes/" + testID:           func(c *Client) error { return c.DeleteVolume(ctx, testID) },
		"GET /volumes/" + testID:              func(c *Client) error { _, err := c.Volume(ctx, testID); return err },
		"GET /volumes":                        func(c *Client) error { _, err := c.VolumeIDs(ctx); return err },
		"GET /clusters":                       func(c *Client) error { _, err := c.Clusters(ctx); return err },
		"GET /clusters/" + testID:             func(c *Client) error { _, err := c.Cluster(ctx, testID); return err },
		"GET /nodes/" + testID:                func(c *Client) error { _, err := c.Node(ctx, testID); return err },
		"GET /backup/db":                      func(c *Client) error { return c.DatabaseCopy(ctx, io.Discard) },
		"POST /clusters":                      func(c *Client) error { _, err := c.AddCluster(ctx, true, true); return err },
		"POST /nodes":                         func(c *Client) error { _, err := c.AddNode(ctx, NewNode{}); return err },
		"POST /devices":                       func(c *Client) error { return c.AddDevice(ctx, NewDevice{}) },
		"POST /devices/" + testID + "/state":  func(c *Client) error { return c.SetDeviceState(ctx, testID, DeviceOffline) },
		"DELETE /devices/" + testID:           func(c *Client) error { return c.DeleteDevice(ctx, testID, true) },
		"DELETE /nodes/" + testID:             func(c *Client) error { return c.DeleteNode(ctx, testID) },
		"DELETE /clusters/" + testID:          func(c *Client) error { return c.DeleteCluster(ctx, testID) },
		"GET /db/dump":                        func(c *Client) error { _, err := c.Dump(ctx); return err },
		"GET /db/check":                       func(c *Client) error { _, err := c.Inconsistencies(ctx); return err },
		"GET /operations/pending":             func(c *Client) error { _, err := c.Operations(ctx); return err },
		"GET /operations/pending/" + testID:   func(c *Client) error { _, err := c.Operation(ctx, testID); return err },
		"POST /operations/pending/cleanup":    func(c *Client) error { return c.CleanUp(ctx, testID) },
		"GET /internal/state/examine/gluster": func(c *Client) error { _, err := c.Examine(ctx); return err },
	}
}

// serving gives the same answer to every request, and records the requests.
func serving(t *testing.T, status int, body string) (url string, requests func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string { mu.Lock(); defer mu.Unlock(); return seen }
}

// TestEveryCallSaysWhatFailed: the error names the Heketi, the request and the answer.
func TestEveryCallSaysWhatFailed(t *testing.T) {
	for request, call := range everyCall(t.Context()) {
		url, requests := serving(t, http.StatusInternalServerError, "the sky falls")
		err := call(newTestClient(t, BackendConfig{Name: "main", URL: url}, DefaultTiming()))
		if !errors.Is(err, volume.ErrUnavailable) {
			t.Errorf("%s: %v", request, err)
			continue
		}
		for _, part := range []string{`heketi "main" (` + url + "): " + request + ": the sky falls (HTTP 500)"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", request, err, part)
			}
		}
		if got := requests(); !slices.Equal(got, []string{request}) {
			t.Errorf("%s: asked %q", request, got)
		}
	}
}

// TestEveryCallWantsAnAnswer: a well-formed answer without content is refused.
func TestEveryCallWantsAnAnswer(t *testing.T) {
	for request, call := range everyCall(t.Context()) {
		for _, body := range []string{"{}", `{"id": "another"}`, "null", "[]", "", "<html>"} {
			if !strings.HasPrefix(request, "GET") {
				continue // their answer is "accepted"; see TestAcceptedWithoutQueue
			}
			if (request == "GET /clusters" || request == "GET /volumes") && (body == "{}" || body == "null" || strings.Contains(body, "id")) {
				continue // no clusters: package provisioner refuses that, before and after a list of volumes
			}
			url, _ := serving(t, http.StatusOK, body)
			if err := call(newTestClient(t, BackendConfig{URL: url}, DefaultTiming())); !errors.Is(err, volume.ErrUnavailable) || strings.Contains(err.Error(), "HTTP") {
				t.Errorf("%s answered with %q: %v", request, body, err)
			}
		}
	}
}

// TestEveryCallNeedsItsKey: without the key, no request is sent.
func TestEveryCallNeedsItsKey(t *testing.T) {
	url, requests := serving(t, http.StatusOK, "{}")
	client := newTestClient(t, BackendConfig{URL: url, KeyFile: "/nowhere/key"}, DefaultTiming())
	for request, call := range everyCall(t.Context()) {
		if err := call(client); !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "keyFile cannot be read") {
			t.Errorf("%s: %v", request, err)
		}
	}
	if got := requests(); len(got) > 0 {
		t.Errorf("asked %q", got)
	}
}

// TestOperationsNeedASlot: an operation that waits in vain for a slot has begun nothing.
func TestOperationsNeedASlot(t *testing.T) {
	url, requests := serving(t, http.StatusOK, "{}")
	client := newTestClient(t, BackendConfig{URL: url, MaxInFlight: 1}, DefaultTiming())
	if err := client.backend.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for request, call := range everyCall(ctx) {
		if strings.HasPrefix(request, "GET") {
			continue
		}
		if err := call(client); !errors.Is(err, volume.ErrBusy) || OutcomeOf(err) != Refused || !strings.Contains(err.Error(), "one of its 1 operation slots") {
			t.Errorf("%s: %v", request, err)
		}
	}
	if got := requests(); len(got) > 0 {
		t.Errorf("asked %q", got)
	}
	client.backend.release()
}

// TestBeginDecides: a request that cannot be written down first is not sent.
func TestBeginDecides(t *testing.T) {
	url, requests := serving(t, http.StatusOK, "{}")
	client := newTestClient(t, BackendConfig{URL: url, MaxInFlight: 1}, DefaultTiming())
	full := errors.New("no space left on device")
	for range 2 { // the slot is free again
		_, createErr := client.CreateVolume(t.Context(), CreateRequest{}, func() error { return full })
		_, expandErr := client.ExpandVolume(t.Context(), testID, 1, func() error { return full })
		for _, err := range []error{createErr, expandErr} {
			if !errors.Is(err, full) {
				t.Errorf("%v", err)
			}
		}
	}
	if got := requests(); len(got) > 0 {
		t.Errorf("asked %q", got)
	}
}

// outcomes is an Observer.
type outcomes struct {
	mu         sync.Mutex
	began      []string
	ended      []string
	refused    []string
	configured []string
}

func (o *outcomes) Configured(backend string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.configured = append(o.configured, backend)
}

func (o *outcomes) LoginRefused(backend string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, backend)
}

func (o *outcomes) Began(backend, operation string, _ time.Duration) func(string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.began = append(o.began, backend+" "+operation)
	return func(outcome string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.ended = append(o.ended, outcome)
	}
}

// TestRefusedLogins: the observer is told of each refused login, whatever the call, and of nothing else.
func TestRefusedLogins(t *testing.T) {
	for status, want := range map[int][]string{http.StatusUnauthorized: {"main"}, http.StatusInternalServerError: nil} {
		for request, call := range everyCall(t.Context()) {
			url, _ := serving(t, status, "no")
			seen := &outcomes{}
			backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "main", URL: url}}}, DefaultTiming(), WithObserver(seen))
			if err != nil {
				t.Fatal(err)
			}
			client, err := backends.All()[0].Client(volume.Credentials{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(seen.configured, []string{"main"}) {
				t.Errorf("configured: %q", seen.configured)
			}
			if err := call(client); err == nil || !slices.Equal(seen.refused, want) {
				t.Errorf("%s, HTTP %d: refused logins of %q, %v", request, status, seen.refused, err)
			}
			backends.Close()
		}
	}
}

// TestObserver: the observer is told when each operation begins and ends.
func TestObserver(t *testing.T) {
	for want, answer := range map[string]struct {
		status int // of the request
		queue  int // of the poll for the operation's end
	}{
		OutcomeDone:    {http.StatusAccepted, http.StatusNoContent},
		OutcomeRefused: {http.StatusConflict, 0},
		OutcomeFailed:  {http.StatusAccepted, http.StatusInternalServerError},
		OutcomeUnknown: {http.StatusAccepted, http.StatusNotFound},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, queuePath) {
				w.WriteHeader(answer.queue)
				return
			}
			w.Header().Set("Location", "/queue/1")
			w.WriteHeader(answer.status)
		}))
		seen := &outcomes{}
		backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "main", URL: server.URL}}}, DefaultTiming(), WithObserver(seen))
		if err != nil {
			t.Fatal(err)
		}
		client, err := backends.All()[0].Client(volume.Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		err = client.DeleteVolume(t.Context(), testID)
		if !slices.Equal(seen.began, []string{"main delete"}) || !slices.Equal(seen.ended, []string{want}) || (err == nil) != (want == OutcomeDone) {
			t.Errorf("%s: began %q, ended %q, %v", want, seen.began, seen.ended, err)
		}
		backends.Close()
		server.Close()
	}
}
