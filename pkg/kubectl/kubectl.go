// Package kubectl finds the driver's pods and workloads in a cluster (Find), and runs the driver's program in those pods (Exec),
// for the driver's kubectl plugin. It runs the program kubectl from PATH, so that the user's contexts, credentials and proxies
// apply.
package kubectl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// Client holds the kubectl flags that select a cluster and a namespace; "" means kubectl's default.
type Client struct {
	Kubeconfig string
	Context    string
	Namespace  string
	// Release is the driver's helm release; "" means the only one in the namespace.
	Release string
	// Warnings gets what a successful command in a pod has written to standard error; nil discards it.
	Warnings io.Writer
}

const longestStderr = 1000

// ExitError is returned when kubectl, or the command that it ran in a pod, ended with a code other than 0.
type ExitError struct {
	Code   int
	Stderr string // in one line
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("kubectl ended with code %d", e.Code)
	}
	return e.Stderr
}

// run returns kubectl's standard output, even with an *ExitError, and the lines of its standard error that help an administrator.
func (c Client) run(ctx context.Context, args ...string) (out []byte, warnings string, err error) {
	for _, flag := range [][2]string{{"--namespace=", c.Namespace}, {"--context=", c.Context}, {"--kubeconfig=", c.Kubeconfig}} {
		if flag[1] != "" {
			args = append([]string{flag[0] + flag[1]}, args...)
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", args...) // #nosec G204 -- the administrator's own kubectl, with names that it has listed
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	warnings = essence(stderr.String())
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return nil, "", fmt.Errorf("kubectl: %w", context.Cause(ctx))
	case exited:
		return stdout.Bytes(), warnings, &ExitError{Code: exit.ExitCode(), Stderr: plain.Line(warnings, longestStderr)}
	case errors.Is(err, exec.ErrNotFound):
		return nil, "", errors.New("kubectl is not in PATH: install it, or run glusterfs-csi in the driver's pods (docs/doctor.md)")
	case err != nil:
		return nil, "", fmt.Errorf("kubectl: %w", err)
	}
	return stdout.Bytes(), warnings, nil
}

// essence removes lines from kubectl's standard error that do not help an administrator: kubectl's own log, and the exit code of
// a command in a pod.
func essence(stderr string) string {
	kept := slices.DeleteFunc(strings.Split(stderr, "\n"), func(line string) bool {
		return logLine.MatchString(line) || strings.HasPrefix(line, "command terminated with exit code ") || strings.TrimSpace(line) == ""
	})
	return strings.Join(kept, "\n")
}

var logLine = regexp.MustCompile(`^[EWI][0-9]{4} `)

// Exec runs the driver's program in a pod with these arguments, and returns its standard output, even with an *ExitError.
func (c Client) Exec(ctx context.Context, pod Pod, args ...string) ([]byte, error) {
	c.Namespace = pod.Namespace
	out, warnings, err := c.run(ctx, append([]string{"exec", pod.Name, "--container=" + container, "--", "/glusterfs-csi"}, args...)...)
	if err == nil && warnings != "" && c.Warnings != nil {
		_, err = io.WriteString(c.Warnings, warnings+"\n")
	}
	return out, err
}
