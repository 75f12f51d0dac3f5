package podexec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	gorilla "github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/websocket"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// The first byte of a message names its channel (k8s.io/kubelet/pkg/cri/streaming/remotecommand/websocket.go).
const (
	stdoutChannel = 1
	stderrChannel = 2
	statusChannel = 3
)

const (
	largestMessage = 1 << 20 // servers send 32 KiB
	pingEvery      = 5 * time.Second
	// silence is how long a server may leave pings unanswered, the same as in client-go's executor.
	silence = time.Minute
)

// output holds the output of a command and its exit status.
type output struct {
	stdout, stderr, status bounded
}

// stream runs a command and reads its output.
func (r Runner) stream(ctx context.Context, pod, container string, command []string) (*output, error) {
	conn, err := r.connect(ctx, pod, container, command)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	pinging, end := context.WithCancel(ctx)
	defer end()
	go ping(pinging, conn)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(silence)) }
	conn.SetPongHandler(alive)
	conn.SetReadLimit(largestMessage)
	_ = alive("")
	var o output
	for {
		_, message, err := conn.ReadMessage()
		switch {
		case gorilla.IsCloseError(err, gorilla.CloseNormalClosure):
			return &o, nil
		case err != nil:
			return nil, fmt.Errorf("read its output: %w", err)
		case len(message) > 0:
			o.add(message[0], message[1:])
		}
	}
}

func (r Runner) connect(ctx context.Context, pod, container string, command []string) (*gorilla.Conn, error) {
	address, _, err := rest.DefaultServerUrlFor(r.config)
	if err != nil {
		return nil, err
	}
	address = address.JoinPath("api", "v1", "namespaces", r.namespace, "pods", pod, "exec")
	address.RawQuery = url.Values{"container": {container}, "command": command, "stdout": {"true"}, "stderr": {"true"}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	transport, connection, err := websocket.RoundTripperFor(r.config)
	if err != nil {
		return nil, err
	}
	// The API server of Kubernetes 1.30 and later translates version 5 itself; older ones pass version 4 on to the kubelet.
	return websocket.Negotiate(transport, connection, request, remotecommand.StreamProtocolV5Name, remotecommand.StreamProtocolV4Name)
}

// ping keeps a proxy from closing the connection of a command without output, and makes a lost server noticeable.
func ping(ctx context.Context, conn *gorilla.Conn) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if conn.WriteControl(gorilla.PingMessage, nil, time.Now().Add(pingEvery)) != nil {
				return // reading fails as well
			}
		}
	}
}

// add appends data to the output of its channel.
func (o *output) add(channel byte, data []byte) {
	switch channel {
	case stdoutChannel:
		_, _ = o.stdout.Write(data)
	case stderrChannel:
		_, _ = o.stderr.Write(data)
	case statusChannel:
		_, _ = o.status.Write(data)
	}
}

// result returns nil if the command has succeeded, or else its error.
func (o *output) result(command string) error {
	var status metav1.Status
	if err := json.Unmarshal(o.status.kept.Bytes(), &status); err != nil {
		return errors.New("the connection was closed before the command had ended")
	}
	if status.Status == metav1.StatusSuccess {
		return nil
	}
	if status.Reason == remotecommand.NonZeroExitCodeReason && status.Details != nil {
		for _, cause := range status.Details.Causes {
			if code, err := strconv.Atoi(cause.Message); err == nil && cause.Type == remotecommand.ExitCodeCauseType {
				return &ExitError{Command: command, Code: code, Stderr: plain.Line(o.stderr.kept.String(), longestStderr)}
			}
		}
	}
	return errors.New(plain.Line(status.Message, longestStderr))
}
