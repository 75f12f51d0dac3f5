// Command labctl runs the lab of real servers from a shell. See package lab.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "machine" { // the init of a machine, started by the lab itself
		fmt.Fprintln(os.Stderr, runMachine(os.Args[2:]))
		os.Exit(1)
	}
	if len(os.Args) > 1 {
		if prepare, ok := disguises()[os.Args[1]]; ok {
			fmt.Fprintln(os.Stderr, become(prepare, os.Args[2:])) // returns only if the program could not be started
			os.Exit(1)
		}
	}
	if len(os.Args) > 3 && os.Args[3] == "dns" { // started by the lab itself: labctl --dir DIR dns
		fmt.Fprintln(os.Stderr, serveDNS(context.Background(), os.Args[2]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "labctl:", err)
	}
	os.Exit(code)
}
