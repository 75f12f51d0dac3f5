// Command demo runs docs/tutorial.md on a real Kubernetes beside real gluster servers, and shows what a reader would see.
// It starts a cluster of its own (packages lab and lab/kubernetes) and always ends it again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("demo", run) }

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	tools := flags.String("tools", "", "directory of the programs of Kubernetes, as test/e2e/tools/build.sh prints it")
	images := flags.String("images", filepath.Join("build", "images"), "directory of image archives")
	dir := flags.String("lab", filepath.Join("build", "e2e-demo"), "directory of the demo's own lab")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // the flag package has said why
	}
	begin := time.Now()
	c, err := kubernetes.UpWithLab(ctx, lab.Options{Dir: *dir, Out: os.Stdout, EndWithCaller: true},
		kubernetes.Options{Tools: *tools, Images: *images, Out: os.Stdout})
	if err != nil {
		return err
	}
	err = tutorial.InLab(ctx, c, ".", filepath.Join("docs", "tutorial.md"), nil, os.Stdout, program.UseColour(os.Stdout))
	if err = errors.Join(err, lab.End(c.Lab().Dir())); err != nil {
		return fmt.Errorf("%w\nlogs are in %s", err, c.Lab().LogDir())
	}
	fmt.Printf("\nAll of docs/tutorial.md is true, in %.0f s, and nothing is left running.\nA cluster to play with: make e2e-up\n", time.Since(begin).Seconds())
	return nil
}
