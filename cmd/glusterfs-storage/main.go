// Command glusterfs-storage runs GlusterFS and Heketi as part of a Kubernetes cluster: it is the first process of the pods
// of GlusterFS, loads a topology into Heketi, keeps backups of Heketi's database, and takes all of it apart again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/teardown"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)                         // the second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
}

// run is the whole program. It returns the exit code: 0, 1 for a failure, 2 for a wrong command line, 3 for a refusal, which
// comes again however often it is tried.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand() //nolint:contextcheck // the commands get it from cobra, when they run
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	// One line, whatever the error: an administrator sees only this of a container that does not start.
	fmt.Fprintf(stderr, "%s: %s\n", command.CommandPath(), plain.Line(err.Error(), longestError))
	switch {
	case errors.As(err, new(usageError)):
		return 2
	case errors.Is(err, teardown.ErrRefused):
		return 3
	}
	return 1
}

// longestError is enough for every mistake in a topology.
const longestError = 16 << 10

// usageError is a mistake in the command line.
type usageError struct{ error }
