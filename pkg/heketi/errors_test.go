package heketi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func testBackend() *Backend {
	return &Backend{config: BackendConfig{Name: "main", URL: "http://heketi:8080"}}
}

// TestAnswers has answers of Heketi 10.3 and their meanings.
func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		stage   Stage
		status  int
		text    string
		kind    error
		outcome Outcome
	}{
		{StageRequest, 400, "validation failed: size: cannot be blank.", volume.ErrInvalid, Refused},
		{StageRequest, 400, "Cluster id 1 not found", volume.ErrUnavailable, Refused},
		{StageRequest, 400, "No clusters configured", volume.ErrUnavailable, Refused},
		{StageRequest, 400, "Client sent an HTTP request to an HTTPS server.", volume.ErrUnavailable, Refused},
		{StageRequest, 422, "request unable to be parsed", volume.ErrInvalid, Refused},
		{StageRequest, 401, "Invalid JWT token: signature is invalid (client and server secrets may not match)", volume.ErrUnauthenticated, Refused},
		{StageRequest, 401, "Invalid JWT token: Token used before issued (client and server clocks may differ)", volume.ErrUnauthenticated, Refused},
		{StageRequest, 401, "Invalid JWT token: Token is expired by 10m", volume.ErrUnauthenticated, Refused},
		{StageRequest, 401, "Administrator access required", volume.ErrUnauthenticated, Refused},
		{StageRequest, 404, "Id not found", volume.ErrNotFound, Refused},
		{StageRequest, 404, "404 page not found", volume.ErrUnavailable, Refused},
		{StageRequest, 409, "Cannot delete volume containing the Heketi database", volume.ErrPrecondition, Refused},
		{StageRequest, 429, "Server busy. Retry operation later.", volume.ErrBusy, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Volume name 'v1' already in use", volume.ErrBusy, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Id not found", volume.ErrUnavailable, Refused},
		{StageRequest, 500, "Failed to allocate new volume: No space", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Minimum brick size limit reached.  Out of space.", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Maximum number of bricks reached.", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Cluster has 1000 volumes and limit is 1000", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: No online storage devices in cluster", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: No nodes in cluster", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Cluster does not support requested volume type", volume.ErrPrecondition, Refused},
		{StageRequest, 500, "Failed to allocate new volume: Cluster has disabled all volume types", volume.ErrPrecondition, Refused},
		{StageRequest, 500, "Failed to allocate volume expansion: Maximum number of bricks reached.", volume.ErrExhausted, Refused},
		{StageRequest, 500, "Failed to allocate volume expansion: Minimum brick size limit reached.  Out of space.", volume.ErrExhausted, Refused},
		{StageRequest, 404, "Id not found: 0123456789abcdef0123456789abcdef", volume.ErrNotFound, Refused},
		{StageRequest, 500, "Failed to set up volume delete: Id not found", volume.ErrNotFound, Refused},
		{StageRequest, 500, "Failed to set up volume delete: The target exists, contains other items, or is in use.", volume.ErrBusy, Refused},
		{StageRequest, 500, "PANIC: runtime error\ngoroutine 1", volume.ErrUnavailable, Unknown},
		{StageRequest, 500, "", volume.ErrUnavailable, Unknown},
		{StageRequest, 502, "bad gateway", volume.ErrUnavailable, Unknown},
		{StageRequest, 503, "Service disabled for maintenance", volume.ErrUnavailable, Refused},
		{StageRequest, 503, "no endpoints available", volume.ErrUnavailable, Unknown},
		{StageRequest, 504, "", volume.ErrUnavailable, Unknown},
		{StageRequest, 301, "", volume.ErrUnavailable, Unknown},
		{StageRequest, 200, "<html>", volume.ErrUnavailable, Unknown},
		{StagePoll, 401, "Administrator access required", volume.ErrUnauthenticated, Unknown},
		{StagePoll, 404, "Id not found", volume.ErrUnavailable, Unknown},
		{StagePoll, 500, "volume set: failed: option : bogus does not exist", volume.ErrFailed, Failed},
		{StagePoll, 500, "No space", volume.ErrExhausted, Failed},
		{StagePoll, 500, "no hosts available (3 total)", volume.ErrFailed, Failed},
		{StagePoll, 500, "All 3 hosts: Unable to delete volume d: Some of the peers are down", volume.ErrPrecondition, Failed},
		{StagePoll, 500, "volume add-brick: failed: Volume name v rebalance is in progress. Please retry after completion", volume.ErrBusy, Failed},
		{StagePoll, 500, `Volume group "vg_1" has insufficient free space (24 extents): 259 required.`, volume.ErrExhausted, Failed},
		{StagePoll, 500, "dial tcp 10.0.0.1:22: connect: no route to host", volume.ErrFailed, Failed},
		{StagePoll, 502, "bad gateway", volume.ErrUnavailable, Unknown},
		{StageResult, 404, "Id not found", volume.ErrUnavailable, Unknown},
		{StageResult, 200, "{}", volume.ErrUnavailable, Unknown},
	} {
		err := testBackend().newError(http.MethodPost, "/volumes", tc.stage, tc.status, tc.text, nil)
		if !errors.Is(err, tc.kind) {
			t.Errorf("%s %d %q: got %v, want %v", tc.stage, tc.status, tc.text, err, tc.kind)
		}
		if got := OutcomeOf(err); got != tc.outcome {
			t.Errorf("%s %d %q: outcome %d, want %d", tc.stage, tc.status, tc.text, got, tc.outcome)
		}
		inUse := strings.Contains(tc.text, "' already in use")
		if errors.Is(err, ErrNameInUse) != inUse {
			t.Errorf("%s %d %q: ErrNameInUse is %t", tc.stage, tc.status, tc.text, !inUse)
		}
	}
}

// TestAnswersToQueries: if a gateway refuses a read-only request, the user's operation is not refused.
func TestAnswersToQueries(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotFound} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			err := testBackend().newError(method, "/clusters", StageRequest, status, "<html>The plain HTTP request was sent to HTTPS port</html>", nil)
			if !errors.Is(err, volume.ErrUnavailable) || !strings.HasSuffix(err.Error(), hintNoHeketi) {
				t.Errorf("%s, HTTP %d: %v", method, status, err)
			}
		}
	}
}

func TestMayBeLate(t *testing.T) {
	for _, tc := range []struct {
		stage  Stage
		status int
		text   string
		cause  error
		want   bool
	}{
		{StageRequest, 0, "", io.ErrUnexpectedEOF, true},
		{StageRequest, 0, "", context.DeadlineExceeded, true},
		{StageRequest, 0, "", &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}, true},
		{StageRequest, 504, "upstream timed out", nil, true},
		{StageRequest, 500, "PANIC: oops", nil, true},
		{StageRequest, 0, "", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, false},
		{StageRequest, 500, "Failed to allocate volume expansion: No space", nil, false},
		{StageRequest, 429, "Server busy. Retry operation later.", nil, false},
		{StagePoll, 0, "", io.ErrUnexpectedEOF, false},
		{StagePoll, 500, "volume add-brick: failed", nil, false},
		{StageResult, 0, "", io.ErrUnexpectedEOF, false},
	} {
		err := testBackend().newError(http.MethodPost, "/volumes/1/expand", tc.stage, tc.status, tc.text, tc.cause)
		if got := MayBeLate(err); got != tc.want {
			t.Errorf("%s: %v: %t, want %t", tc.stage, err, got, tc.want)
		}
	}
	if MayBeLate(nil) || MayBeLate(volume.ErrBusy) {
		t.Error("what was not sent may be late")
	}
}

func TestNoAnswer(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for _, tc := range []struct {
		stage   Stage
		cause   error
		outcome Outcome
	}{
		{StageRequest, refused, Refused},
		{StageRequest, io.ErrUnexpectedEOF, Unknown},
		{StageRequest, context.DeadlineExceeded, Unknown},
		{StagePoll, refused, Unknown},
		{StageResult, io.ErrUnexpectedEOF, Unknown},
	} {
		err := testBackend().newError(http.MethodPost, "/volumes", tc.stage, 0, "", tc.cause)
		if !errors.Is(err, volume.ErrUnavailable) || !errors.Is(err, tc.cause) {
			t.Errorf("%s: %v: wraps %v and the cause: no", tc.stage, err, volume.ErrUnavailable)
		}
		if got := OutcomeOf(err); got != tc.outcome {
			t.Errorf("%s %v: outcome %d, want %d", tc.stage, tc.cause, got, tc.outcome)
		}
	}
	if got := OutcomeOf(volume.ErrBusy); got != Refused {
		t.Errorf("without a request: outcome %d, want %d", got, Refused)
	}
}

func TestErrorText(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{" No space\n", "No space"},
		{"No eligible cluster for volume\nCluster a: No space\n", "No eligible cluster for volume; Cluster a: No space"},
		{"PANIC: oops\ngoroutine 1 [running]:\nmain.main()", "PANIC: oops"},
		{"bell\a and \x1b[31mcolour", "bell  and  colour"},
		{strings.Repeat("é", 1000), strings.Repeat("é", 298) + "..."},
	} {
		if got := oneLine(tc.text); got != tc.want {
			t.Errorf("oneLine(%q) = %q, want %q", tc.text, got, tc.want)
		}
	}
	err := testBackend().newError(http.MethodPost, "/volumes", StageRequest, 500, "Failed to allocate new volume: No space", nil)
	const want = `no space: heketi "main" (http://heketi:8080): POST /volumes: Failed to allocate new volume: No space (HTTP 500); ` + hintRoom
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// hostile returns text by which a malicious server may try to look like the driver, or to hide.
func hostile() string {
	return "\x1b]0;x\x07\x1b[2J\r\nI1128 all is well\u202e\u200b\xff" + strings.Repeat("very long ", 10_000)
}

// TestHostileAnswers: for any answer, in any of its parts, an error is one line of bounded length.
func TestHostileAnswers(t *testing.T) {
	for name, err := range map[string]error{
		"a refusal":     testBackend().newError(http.MethodPost, "/volumes", StageRequest, 500, hostile(), nil),
		"a certificate": testBackend().newError(http.MethodPost, "/volumes", StageRequest, 0, "", errors.New("certificate is valid for "+hostile())),
		"a queue":       testBackend().newError(http.MethodGet, "/queue/"+hostile(), StagePoll, 404, "", nil),
		"clusters":      &OtherDatabaseError{Backend: "main", Missing: []string{"a"}, Present: []string{hostile()}},
	} {
		text := err.Error()
		if plain.Line(text, 1200) != text {
			t.Errorf("%s: %d bytes: %.300q", name, len(text), text)
		}
	}
}
