// Command glusterfs-csi is a CSI driver for Kubernetes and any other CSI orchestrator: the controller provisions GlusterFS
// volumes through Heketi, and the node plugin mounts them. It also has the commands doctor, orphans, migrate and import for
// administrators. Called as kubectl-glusterfs_csi, it is a plugin of kubectl with these commands. The node plugin also runs
// it as a child process, for package fusequery.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3". The linker can set only a global.
var version string

func main() {
	if fusequery.IsChild(os.Args) {
		os.Exit(fusequery.Serve(os.Stderr)) //nolint:forbidigo // this is main
	}
	os.Exit(commandline.Main(programOf(filepath.Base(os.Args[0])))) //nolint:forbidigo // this is main
}

// run is the whole program. It returns the exit code: 0, 1 for a failure, 2 for a wrong command line; doctor and orphans
// have their own (findings.go).
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return execute(ctx, newRootCommand(), args, stdout, stderr) //nolint:contextcheck // the commands get it from cobra, when they run
}

// execute runs one of the commands of root.
func execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	command, err := commandline.Execute(ctx, root, args, stdout, stderr)
	if err == nil {
		return 0
	}
	if found, ok := errors.AsType[foundError](err); ok {
		return found.code
	}
	code := commandline.Report(stderr, command, err)
	if errors.As(err, new(examinationError)) {
		return examinationFailed
	}
	return code
}
