// Command demo shows the life of a volume on real servers, step by step: the calls, the answers, and how long they take. It
// starts a separate lab (package lab) and always ends it.
//
// Every claim of a step is checked outside the driver: with heketi-cli, the gluster command, mountinfo, the process table and the
// files on the bricks. The demo ends at the first difference.
package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("demo", run) }

// run runs the demo, or one of the two programs that the demo starts inside the lab's machines.
func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(ctx, args[1], args[2], os.Stdout)
	case len(args) == 2 && args[0] == "fetch":
		return fetch(ctx, args[1], os.Stdout)
	}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	driver := flags.String("driver", filepath.Join("build", "bin", "glusterfs-csi"), "the driver's binary")
	dir := flags.String("lab", filepath.Join("build", "lab-demo"), "directory of the demo's own lab")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // the flag package has printed the reason
	}
	return show(ctx, *driver, *dir, newScreen(os.Stdout, program.UseColour(os.Stdout)))
}
