// Command glusterfs-csi provisions GlusterFS volumes through Heketi and mounts them, for Kubernetes and any other CSI
// orchestrator.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

func main() {
	if fusequery.IsChild(os.Args) {
		os.Exit(fusequery.Serve(os.Stderr)) //nolint:forbidigo // this is main
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)                                                    // the second signal ends the process at once
	os.Exit(run(ctx, filepath.Base(os.Args[0]), os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
}

// run is the whole program, under the name by which it was called (plugin.go). It returns the exit code: 0, 1 for a failure, 2 for a wrong command line; doctor and orphans
// have their own (examine.go).
func run(ctx context.Context, name string, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand() //nolint:contextcheck // the commands get it from cobra, when they run
	switch name {
	case pluginName:
		root = newPluginCommand() //nolint:contextcheck // likewise
	case pluginCompletionName:
		root = newPluginCommand() //nolint:contextcheck // likewise
		args = append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if found, ok := errors.AsType[foundError](err); ok {
		return found.code
	}
	// One line, whatever the error: it is what an administrator sees of a container that does not start.
	fmt.Fprintf(stderr, "%s: %s\n", command.CommandPath(), plain.Line(err.Error(), longestError))
	switch {
	case errors.As(err, new(examinationError)):
		return examinationFailed
	case errors.As(err, new(usageError)):
		return 2
	}
	return 1
}

// longestError is enough for every mistake in a configuration file.
const longestError = 16 << 10

// usageError is a mistake in the command line.
type usageError struct{ error }
