// Command glusterfs-storage runs GlusterFS and Heketi in a Kubernetes cluster: it is the first process of GlusterFS's pods, loads
// a topology into Heketi, backs up and restores Heketi's database, probes Heketi, reports the state of a server, and removes the
// installation.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/commandline"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/teardown"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3". The linker can set only a global.
var version string

func main() { os.Exit(commandline.Main(run)) } //nolint:forbidigo // this is main

// run runs the program and returns the exit code: 0 for success, 1 for a failure, 2 for a wrong command line, 3 for a refusal. A
// retry does not change a refusal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, err := commandline.Execute(ctx, newRootCommand(), args, stdout, stderr) //nolint:contextcheck // the commands get it from cobra, when they run
	if err == nil {
		return 0
	}
	code := commandline.Report(stderr, command, err)
	if errors.Is(err, teardown.ErrRefused) {
		return 3
	}
	return code
}
