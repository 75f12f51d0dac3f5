// Command install installs the driver on a running Kubernetes of the lab, as the end-to-end tests do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

func main() {
	dir := flag.String("lab", filepath.Join("build", "e2e"), "the directory of the running lab")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	c, err := kubernetes.OpenIn(dir)
	if err != nil {
		return err
	}
	d, err := driver.On(c, ".")
	if err != nil {
		return err
	}
	if err := d.Install(ctx); err != nil {
		return err
	}
	fmt.Println("install: the driver is ready; the values of its chart are in", d.ValuesFile())
	return nil
}
