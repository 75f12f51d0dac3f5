// Command demo shows the life of a volume on real servers, step by step: what is called, what the answer is, how long
// it takes. It starts a lab of its own (package lab) and always ends it again.
//
// Everything that a step claims is looked at from outside of the driver: heketi-cli, the gluster command, mountinfo,
// the process table and the files on the bricks. The first thing that is not as it should be ends the demo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; the lab has ended")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the demo, or one of the two programs that the demo runs inside the lab's machines.
func run(ctx context.Context, args []string, out *os.File) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(ctx, args[1], args[2], out)
	case len(args) == 2 && args[0] == "fetch":
		return fetch(ctx, args[1], out)
	}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	driver := flags.String("driver", filepath.Join("build", "bin", "glusterfs-csi"), "the driver's binary")
	dir := flags.String("lab", filepath.Join("build", "lab-demo"), "directory of the demo's own lab")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // the flag package has said why
	}
	return show(ctx, *driver, *dir, newScreen(out, useColour(out, os.Getenv)))
}

// output is a writer that may be a terminal.
type output interface {
	io.Writer
	Fd() uintptr
}
