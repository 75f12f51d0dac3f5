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
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// kubelet answers like the API server with a kubelet behind it, in one version of the protocol.
type kubelet struct {
	protocol string
	requests []string
}

func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	k.requests = append(k.requests, r.Method+" "+r.URL.Path+" "+query.Get("container")+": "+strings.Join(query["command"], " "))
	switch query["command"][0] {
	case "forbidden":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "pods \"p\" is forbidden"}`)
	default:
		connection := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{k.protocol: {
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
	case "vanish":
		_, _ = io.WriteString(stdout, "the first half of")
		return
	case "unreachable":
		result = metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Message: "error dialing backend:\nno route to host"}
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
	for _, protocol := range []string{"v5.channel.k8s.io", "v4.channel.k8s.io"} {
		t.Run(protocol, func(t *testing.T) {
			k := &kubelet{protocol: protocol}
			server := httptest.NewServer(k)
			defer server.Close()
			runner := New(&rest.Config{Host: server.URL}, "storage")
			out, err := runner.Run(t.Context(), "gluster-1", "glusterfs", "echo", "a", "b c")
			if err != nil || string(out) != "a b c\n" {
				t.Errorf("%q, %v", out, err)
			}
			want := "GET /api/v1/namespaces/storage/pods/gluster-1/exec glusterfs: echo a b c"
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
			for command, says := range map[string]string{
				"vanish":      "run vanish in pod storage/gluster-1: the connection was closed before the command had ended",
				"unreachable": "run unreachable in pod storage/gluster-1: error dialing backend:; no route to host",
			} {
				if out, err := runner.Run(t.Context(), "gluster-1", "glusterfs", command); out != nil || err == nil || err.Error() != says {
					t.Errorf("%q, %v", out, err)
				}
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
	server := httptest.NewServer(&kubelet{protocol: "v5.channel.k8s.io"})
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
