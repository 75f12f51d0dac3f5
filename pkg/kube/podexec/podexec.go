// Package podexec runs commands in containers of pods. It is separate from pkg/kube because its imports would enlarge the
// driver's binary, which runs no such commands.
package podexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Runner runs commands in pods of one namespace.
type Runner struct {
	config    *rest.Config
	namespace string
}

// New returns a Runner that connects to the API server with config; see kube.Client.Config.
func New(config *rest.Config, namespace string) Runner {
	return Runner{config: config, namespace: namespace}
}

const (
	// largestOutput is far more than our commands print.
	largestOutput = 4 << 20
	longestStderr = 600
)

// ExitError is returned when a command has exited with a code other than 0.
type ExitError struct {
	Command string
	Code    int
	Stderr  string
}

// Error implements error.
func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with code %d: %s", e.Command, e.Code, e.Stderr)
}

// Run runs a command in a container and returns its standard output. It fails with an *ExitError if the command has failed. Run
// returns when ctx is done; the command may go on.
func (r Runner) Run(ctx context.Context, pod, container string, command ...string) ([]byte, error) {
	executor, err := r.executor(pod, container, command)
	if err != nil {
		return nil, fmt.Errorf("run %s in pod %s/%s: %w", command[0], r.namespace, pod, err)
	}
	stdout, stderr := &bounded{}, &bounded{}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
	exit, exited := errors.AsType[exec.CodeExitError](err)
	switch {
	case err == nil:
		return stdout.kept.Bytes(), nil
	case exited:
		return stdout.kept.Bytes(), &ExitError{Command: strings.Join(command, " "), Code: exit.Code, Stderr: plain.Line(stderr.kept.String(), longestStderr)}
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case strings.Contains(err.Error(), "is forbidden"): // a refused upgrade has no status
		err = fmt.Errorf("%w: a Role that is bound to it must allow: get and create pods/exec in namespace %s", err, r.namespace)
	}
	return nil, fmt.Errorf("run %s in pod %s/%s: %w", command[0], r.namespace, pod, err)
}

// executor prefers a websocket, like kubectl: SPDY is deprecated.
func (r Runner) executor(pod, container string, command []string) (remotecommand.Executor, error) {
	address, _, err := rest.DefaultServerUrlFor(r.config)
	if err != nil {
		return nil, err
	}
	address = address.JoinPath("api", "v1", "namespaces", r.namespace, "pods", pod, "exec")
	address.RawQuery = url.Values{"container": {container}, "command": command, "stdout": {"true"}, "stderr": {"true"}}.Encode()
	websocket, err := remotecommand.NewWebSocketExecutor(r.config, "GET", address.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(r.config, "POST", address)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// bounded keeps the beginning of the data. It does not embed the buffer, whose ReadFrom is unbounded.
type bounded struct{ kept bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), largestOutput-b.kept.Len())
	_, _ = b.kept.Write(p[:keep])
	return len(p), nil
}
