package podexec

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// kubelet answers like the API server with a kubelet behind it: by websocket, or only by SPDY, as before Kubernetes 1.29.
type kubelet struct {
	websocket bool
	requests  []string
}

func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	k.requests = append(k.requests, r.Method+" "+r.URL.Path+" "+query.Get("container")+": "+strings.Join(query["command"], " "))
	switch {
	case query["command"][0] == "forbidden":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "pods \"p\" is forbidden"}`)
	case !wsstream.IsWebSocketRequest(r):
		serveSPDY(w, r, query["command"])
	case !k.websocket:
		w.WriteHeader(http.StatusBadRequest) // it does not support websockets
	default:
		connection := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {
			Binary: true, Channels: []wsstream.ChannelType{wsstream.ReadChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.ReadChannel},
		}})
		_, streams, err := connection.Open(w, r)
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		act(query["command"], streams[1], streams[2], streams[3])
	}
}

func serveSPDY(w http.ResponseWriter, r *http.Request, command []string) {
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	type opened struct {
		httpstream.Stream
		replied <-chan struct{}
	}
	streams := make(chan opened, 3)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		streams <- opened{s, replied}
		return nil
	})
	if connection == nil {
		return
	}
	defer func() { _ = connection.Close() }()
	byType := map[string]io.WriteCloser{}
	for range 3 {
		s := <-streams
		<-s.replied
		byType[s.Headers().Get("streamType")] = s
	}
	act(command, byType["stdout"], byType["stderr"], byType["error"])
}

// act carries out the command.
func act(command []string, stdout, stderr, status io.WriteCloser) {
	result := metav1.Status{Status: metav1.StatusSuccess}
	switch command[0] {
	case "echo":
		_, _ = io.WriteString(stdout, strings.Join(command[1:], " ")+"\n")
	case "flood":
		for range 2 * largestOutput / 1000 {
			_, _ = stdout.Write(make([]byte, 1000))
		}
	case "sleep":
		time.Sleep(300 * time.Millisecond)
	case "fail":
		_, _ = io.WriteString(stderr, "volume create: failed:\nno such brick\n")
		result = metav1.Status{
			Status: metav1.StatusFailure, Reason: "NonZeroExitCode", Message: "command terminated with non-zero exit code",
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: "7"}}},
		}
	}
	text, _ := json.Marshal(result)
	_, _ = status.Write(text)
	for _, stream := range []io.Closer{stdout, stderr, status} {
		_ = stream.Close()
	}
}

func TestRun(t *testing.T) {
	for name, websocket := range map[string]bool{"websocket": true, "SPDY": false} {
		t.Run(name, func(t *testing.T) {
			k := &kubelet{websocket: websocket}
			server := httptest.NewServer(k)
			defer server.Close()
			runner := New(&rest.Config{Host: server.URL}, "storage")
			out, err := runner.Run(t.Context(), "gluster-1", "glusterfs", "echo", "a", "b c")
			if err != nil || string(out) != "a b c\n" {
				t.Errorf("%q, %v", out, err)
			}
			want := "GET /api/v1/namespaces/storage/pods/gluster-1/exec glusterfs: echo a b c"
			if !websocket {
				want = strings.Replace(want, "GET", "POST", 1)
			}
			if last := k.requests[len(k.requests)-1]; last != want {
				t.Errorf("asked %q", last)
			}
			_, err = runner.Run(t.Context(), "gluster-1", "glusterfs", "fail", "now")
			exit, ok := errors.AsType[*ExitError](err)
			if !ok || exit.Code != 7 || exit.Error() != "fail now ended with code 7: volume create: failed:; no such brick" {
				t.Errorf("%v", err)
			}
			if out, err := runner.Run(t.Context(), "gluster-1", "glusterfs", "flood"); err != nil || len(out) != largestOutput {
				t.Errorf("%d bytes, %v", len(out), err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("that took too long"))
			defer cancel()
			if _, err := runner.Run(ctx, "gluster-1", "glusterfs", "sleep"); err == nil || !strings.Contains(err.Error(), "run sleep in pod storage/gluster-1: that took too long") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	server := httptest.NewServer(&kubelet{websocket: true})
	runner := New(&rest.Config{Host: server.URL}, "storage")
	if _, err := runner.Run(t.Context(), "gluster-1", "glusterfs", "forbidden"); err == nil || !strings.Contains(err.Error(), "is forbidden") ||
		!strings.Contains(err.Error(), "get and create pods/exec in namespace storage") {
		t.Errorf("%v", err)
	}
	server.Close()
	if _, err := runner.Run(t.Context(), "gluster-1", "glusterfs", "echo"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v", err)
	}
}
