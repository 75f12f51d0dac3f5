package heketi

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestConfigLimits(t *testing.T) {
	for inFlight, want := range map[int]bool{-1: false, 0: true, 1: true, 256: true, 257: false} {
		b := BackendConfig{Name: "a", URL: "http://h", MaxInFlight: inFlight}
		if err := b.complete("b"); (err == nil) != want {
			t.Errorf("maxInFlight %d: %v", inFlight, err)
		}
	}
	path := writeFile(t, "file", strings.Repeat("x", 10))
	for limit, want := range map[int64]bool{9: false, 10: true, 11: true} {
		content, err := readSmallFile(path, limit)
		if (err == nil) != want || want && len(content) != 10 {
			t.Errorf("limit %d: %q, %v", limit, content, err)
		}
	}
	if _, err := readSmallFile(t.TempDir(), 10); err == nil {
		t.Error("a directory was read")
	}
}

// TestOutcomes: only Heketi's own answers end the doubt about a request or an operation.
func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		stage  Stage
		status int
		text   string
		want   Outcome
	}{
		{StagePoll, 500, "volume create: failed", Failed},
		{StagePoll, 500, "PANIC: oops", Unknown},
		{StagePoll, 503, "x", Unknown},
		{StageRequest, 408, "Request Timeout", Unknown},
		{StageRequest, 400, "x", Refused},
		{StageRequest, 499, "x", Refused},
		{StageRequest, 399, "x", Unknown},
		{StageRequest, 500, "Failed to allocate new volume: No space", Refused},
		{StageRequest, 500, "x", Unknown},
		{StageRequest, 503, "Service disabled for maintenance", Refused},
		{StageRequest, 503, "x", Unknown},
		{StageResult, 400, "x", Unknown},
	} {
		err := testBackend().newError(http.MethodPost, "/volumes", tt.stage, tt.status, tt.text, nil)
		if got := OutcomeOf(err); got != tt.want {
			t.Errorf("%s %d %q: %d, want %d", tt.stage, tt.status, tt.text, got, tt.want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct {
		status int
		text   string
		cause  error
		want   string
	}{
		{500, "", nil, "empty answer (HTTP 500)"},
		{500, "broken", nil, "broken (HTTP 500)"},
		{0, "", errors.New("cut"), ": cut"},
		{1, "", errors.New("cut"), ": cut (HTTP 1)"},
	} {
		err := testBackend().newError(http.MethodGet, "/x", StageRequest, tt.status, tt.text, tt.cause)
		if !strings.Contains(err.Error(), tt.want) || tt.status == 0 && strings.Contains(err.Error(), "HTTP") {
			t.Errorf("%v does not say %q", err, tt.want)
		}
	}
	for length, cut := range map[int]bool{600: false, 601: true} {
		if got := oneLine(strings.Repeat("x", length)); strings.HasSuffix(got, "...") != cut || len(got) > 600 {
			t.Errorf("%d letters become %d", length, len(got))
		}
	}
}

// TestCertificateHints: each fault of a certificate has its own hint. Without an answer of Heketi, the error is not searched for
// Heketi's texts.
func TestCertificateHints(t *testing.T) {
	for _, tt := range []struct {
		cause error
		want  string
	}{
		{x509.UnknownAuthorityError{}, "caFile"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, "does not fit the backend's url"},
		{x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}, "does not fit the backend's url"},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, "is Heketi running"},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, ""},
		{errors.New("No space"), ""},
	} {
		err := testBackend().newError(http.MethodGet, "/clusters", StageRequest, 0, "No space", tt.cause)
		if !strings.Contains(err.Hint(), tt.want) || (tt.want == "") != (err.Hint() == "") || !errors.Is(err, volume.ErrUnavailable) {
			t.Errorf("%v: hint %q, want %q", tt.cause, err.Hint(), tt.want)
		}
	}
}

// TestJitter: a jittered interval lies in the second half of the interval.
func TestJitter(t *testing.T) {
	const d = 100 * time.Millisecond
	least, most := d, time.Duration(0)
	for range 10_000 {
		got := jitter(d)
		least, most = min(least, got), max(most, got)
	}
	if least < d/2 || most > d || least > 55*time.Millisecond || most < 95*time.Millisecond {
		t.Errorf("from %v to %v", least, most)
	}
	for _, short := range []time.Duration{0, 1, 2, 3} {
		if got := jitter(short); got < short/2 || got > short {
			t.Errorf("of %v: %v", short, got)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if sleep(ended, time.Hour) || !sleep(t.Context(), time.Nanosecond) {
		t.Error("sleep tells nothing of the context's end")
	}
}

// TestRedirectionIsHeketis: only one redirection from the queue on the same server is followed.
func TestRedirectionIsHeketis(t *testing.T) {
	request := func(method, url string) *http.Request {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	signed := 0
	p := &performer{sign: func(*http.Request, []*http.Request) error { signed++; return nil }}
	queue := request(http.MethodGet, "http://h:8080/queue/1")
	for name, tt := range map[string]struct {
		to   string
		via  []*http.Request
		want bool
	}{
		"to the result":  {"http://h:8080/volumes/1", []*http.Request{queue}, true},
		"another host":   {"http://i:8080/volumes/1", []*http.Request{queue}, false},
		"another port":   {"http://h:8081/volumes/1", []*http.Request{queue}, false},
		"another scheme": {"https://h:8080/volumes/1", []*http.Request{queue}, false},
		"a second time":  {"http://h:8080/volumes/1", []*http.Request{queue, queue}, false},
		"of the request": {"http://h:8080/volumes/1", []*http.Request{request(http.MethodPost, "http://h:8080/volumes")}, false},
	} {
		signed = 0
		err := p.redirect(request(http.MethodGet, tt.to), tt.via)
		if (err == nil) != tt.want || (signed == 1) != tt.want {
			t.Errorf("%s: %v, signed %d times", name, err, signed)
		}
	}
	p.sign = func(*http.Request, []*http.Request) error { return errors.New("no key") }
	if err := p.redirect(request(http.MethodGet, "http://h:8080/volumes/1"), []*http.Request{queue}); err == nil {
		t.Error("a request that cannot be signed was sent")
	}
}

// TestLargestAnswer: an answer of the largest size is read, and one byte more is refused.
func TestLargestAnswer(t *testing.T) {
	for more, want := range map[int]bool{0: true, 1: false} {
		const frame = `{"clusters":["c"],"x":""}`
		body := fmt.Sprintf(`{"clusters":["c"],"x":"%s"}`, strings.Repeat("y", largestAnswer-len(frame)+more))
		url, _ := serving(t, http.StatusOK, body)
		if _, err := newTestClient(t, BackendConfig{URL: url}, DefaultTiming()).Clusters(t.Context()); (err == nil) != want {
			t.Errorf("%d bytes: %v", len(body), err)
		}
	}
}

// TestStateOf: a file that replaces another of the same size and time has a different state.
func TestStateOf(t *testing.T) {
	dir := t.TempDir()
	when := time.Unix(1_700_000_000, 0)
	write := func(name, content string, at time.Time) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	states := map[string]fileState{}
	for _, path := range []string{write("a", "x", when), write("b", "x", when), write("c", "xy", when), write("d", "x", when.Add(time.Nanosecond))} {
		state, err := stateOf(path)
		if err != nil {
			t.Fatal(err)
		}
		for other, s := range states {
			if s == state {
				t.Errorf("%s and %s are the same", other, path)
			}
		}
		states[path] = state
		if again, err := stateOf(path); err != nil || again != state {
			t.Errorf("%s is not the same as before: %v", path, err)
		}
	}
	if _, err := stateOf(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
