// Images makes the container images that the end-to-end tests need beside the driver's own, as OCI archives: the CSI sidecars,
// the images of the Kubernetes test suite and a web server. It uses no image registry. The images carry the names under which
// charts, manifests and the suite refer to them; images.go lists those whose content differs from upstream's.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	tools := flags.String("tools", "", "the directory of the programs, as test/e2e/tools/build.sh prints it")
	bin := flags.String("bin", filepath.Join("build", "bin"), "the directory of chaos-workload and glusterfs-csi-previous")
	dir := flags.String("out", filepath.Join("build", "images"), "where the archives go")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(*dir, previousTag), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(*dir, "temp-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	if err := os.Setenv("TMPDIR", temp); err != nil { // for layers, and for the programs that make them
		return err
	}
	all, err := images(*tools, *bin, *dir)
	if err != nil {
		return err
	}
	stamp, err := newStamp(*dir, *tools)
	if err != nil {
		return err
	}
	for _, i := range all {
		path := filepath.Join(*dir, i.file)
		if stamp.current(path, i.inputs...) {
			continue
		}
		layers, err := i.layers(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", i.file, err)
		}
		if err := writeArchive(path, i, layers); err != nil {
			return fmt.Errorf("%s: %w", i.file, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-24s %4d MB  %s\n", i.file, info.Size()/1e6, i.names[0])
	}
	return stamp.write()
}
