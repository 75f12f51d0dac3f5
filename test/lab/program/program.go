// Package program has the main function of programs that start their own lab, and the TestMain of such tests. Both end the lab on
// a signal.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// Main calls run and exits with a matching status. Signals end the context of run, and run must end the lab in every case. If the
// flag package has printed the usage or an error, run returns flag.ErrHelp.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case interrupted:
		fmt.Fprintf(os.Stderr, "%s: interrupted; the lab has ended\n", name)
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Tests is the body of a TestMain and returns the exit status. up starts a lab in dir; if it fails, it leaves no lab. Tests ends
// the lab after the tests, or when they are interrupted.
func Tests(name, dir string, up func(context.Context) error, tests func() int) int {
	if code, root := needs.RootForAll(tests, "the lab makes network and mount namespaces and loop devices"); !root {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := up(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	ignoreSignals := context.AfterFunc(ctx, func() {
		end(name, dir)
		os.Exit(130)
	})
	code := tests()
	if !ignoreSignals() {
		select {} // the tests have failed because the lab is ending: that exits
	}
	if !end(name, dir) {
		return 1
	}
	if ctx.Err() != nil { // interrupted, but the function above has not begun
		return 130
	}
	return code
}

// end ends the lab and prints where its logs are.
func end(name, dir string) (ended bool) {
	if err := lab.End(dir); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return false
	}
	fmt.Fprintf(os.Stderr, "%s: the lab has ended and left nothing behind; its logs are in %s\n", name, filepath.Join(dir, "log"))
	return true
}

// UseColour reports whether to use colour: on terminals only, and not if NO_COLOR is set (https://no-color.org).
func UseColour(out *os.File) bool {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
