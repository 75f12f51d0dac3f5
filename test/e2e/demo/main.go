// Command demo runs a document, docs/tutorial.md by default, on a real Kubernetes beside real gluster servers or without any, and
// shows what a reader would see. It starts its own cluster (packages lab and lab/kubernetes) and always stops it at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/storage"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/tutorial"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func main() { program.Main("demo", run) }

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	tools := flags.String("tools", "", "directory of the programs of Kubernetes, as test/e2e/kubernetes/build.sh prints it")
	dir := flags.String("lab", filepath.Join("build", "e2e-demo"), "directory of the demo's own lab")
	document := flags.String("document", filepath.Join("docs", "tutorial.md"), "the document")
	bare := flags.Bool("bare-storage", false, "a lab without GlusterFS and Heketi, whose storage machines are nodes of Kubernetes")
	images := flags.String("images", filepath.Join("build", "images"), "image archives for the nodes, and directories of them; not with -bare-storage")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp // the flag package has printed the reason
	}
	begin := time.Now()
	options := kubernetes.Options{Images: kubernetes.List(*images)}
	if *bare {
		options = storage.Images(".")
	}
	options.Tools, options.Out = *tools, os.Stdout
	c, err := kubernetes.UpWithLab(ctx, lab.Options{Dir: *dir, Out: os.Stdout, EndWithCaller: true, BareStorage: *bare}, options)
	if err != nil {
		return err
	}
	err = tutorial.InLab(ctx, c, ".", *document, nil, os.Stdout, program.UseColour(os.Stdout))
	if err = errors.Join(err, lab.End(c.Lab().Dir())); err != nil {
		return fmt.Errorf("%w\nlogs are in %s", err, c.Lab().LogDir())
	}
	cluster := "e2e-up"
	if *bare {
		cluster = "e2e-storage-up"
	}
	fmt.Printf("\nAll of %s is true, in %.0f s, and nothing is left running.\nA cluster to play with: make %s\n",
		*document, time.Since(begin).Seconds(), cluster)
	return nil
}
