// Package podexec runs commands in containers of pods through the API server's websockets. client-go's own executor links all
// types of core/v1 and SPDY, which would enlarge the driver's binary by four MiB; this package uses client-go only to connect.
//
// The account needs get and create on pods/exec in the pod's namespace. Every Kubernetes version that the driver supports accepts
// these websockets. If a command exits with a code other than 0, Run returns an *ExitError with the code and the standard error.
// When the context is done, Run returns, but the command may continue. A command gets no input, and its output after the first
// 4 MiB is dropped.
package podexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/rest"
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

// Run runs a command in a container and returns its standard output, even with an *ExitError. When ctx is done, Run returns, but
// the command may continue.
func (r Runner) Run(ctx context.Context, pod, container string, command ...string) ([]byte, error) {
	o, err := r.stream(ctx, pod, container, command)
	if err == nil {
		err = o.result(strings.Join(command, " "))
	}
	if err == nil || errors.As(err, new(*ExitError)) {
		return o.stdout.kept.Bytes(), err
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case strings.Contains(err.Error(), "is forbidden"): // a refused upgrade may have no status
		err = fmt.Errorf("%w: a Role that is bound to this user must allow: get and create pods/exec in namespace %s", err, r.namespace)
	}
	return nil, fmt.Errorf("run %s in pod %s/%s: %w", command[0], r.namespace, pod, err)
}

// bounded keeps the beginning of the data. It does not embed the buffer, whose ReadFrom is unbounded.
type bounded struct{ kept bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), largestOutput-b.kept.Len())
	_, _ = b.kept.Write(p[:keep])
	return len(p), nil
}
