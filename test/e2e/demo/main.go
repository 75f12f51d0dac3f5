// Command demo runs docs/tutorial.md on a real Kubernetes beside real gluster servers, and shows what a reader would see.
// It starts a cluster of its own (packages lab and lab/kubernetes) and always ends it again.
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
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; the cluster has ended")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	tools := flags.String("tools", "", "directory of the programs of Kubernetes, as test/e2e/tools/build.sh prints it")
	images := flags.String("images", filepath.Join("build", "images"), "directory of image archives")
	dir := flags.String("lab", filepath.Join("build", "e2e-demo"), "directory of the demo's own lab")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // the flag package has said why
	}
	begin := time.Now()
	c, err := up(ctx, *dir, *tools, *images, os.Stdout)
	if err != nil {
		return err
	}
	err = tutorial.InLab(ctx, c, ".", filepath.Join("docs", "tutorial.md"), os.Stdout, useColour())
	if err = errors.Join(err, lab.End(c.Lab().Dir())); err != nil {
		return fmt.Errorf("%w\nlogs are in %s", err, c.Lab().LogDir())
	}
	fmt.Printf("\nAll of docs/tutorial.md is true, in %.0f s, and nothing is left running.\nA cluster to play with: make e2e-up\n", time.Since(begin).Seconds())
	return nil
}

// up leaves nothing running when it fails.
func up(ctx context.Context, dir, tools, images string, out io.Writer) (*kubernetes.Cluster, error) {
	archives, err := kubernetes.ImagesIn(images)
	if err != nil {
		return nil, err
	}
	l, err := lab.Up(ctx, lab.Options{Dir: dir, Workers: true, Out: out, EndWithCaller: true})
	if err != nil {
		return nil, err
	}
	c, err := kubernetes.Up(ctx, l, kubernetes.Options{Tools: tools, Images: archives, Out: out})
	if err != nil {
		return nil, errors.Join(err, lab.End(l.Dir()))
	}
	return c, nil
}

// useColour is the usual agreement: terminals only, and https://no-color.org.
func useColour() bool {
	_, err := unix.IoctlGetTermios(int(os.Stdout.Fd()), unix.TCGETS)
	return err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
