// Command demo shows the life of a volume on real servers, step by step: what is called, what the answer is, how long
// it takes. It starts a lab of its own (package lab) and always ends it again.
//
// Everything that a step claims is looked at from outside of the driver: heketi-cli, the gluster command, mountinfo,
// the process table and the files on the bricks. The first thing that is not as it should be ends the demo.
package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("demo", run) }

// run is the demo, or one of the two programs that the demo runs inside the lab's machines.
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
		return flag.ErrHelp // the flag package has said why
	}
	return show(ctx, *driver, *dir, newScreen(os.Stdout, program.UseColour(os.Stdout)))
}
