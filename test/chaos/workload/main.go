// Command workload uses a volume as applications do, and counts what it meets: see package tally. Records have a sequence
// number and a checksum, so that a lost one is noticed, and so is one that is not what was written.
//
//	workload run DIRECTORY           until SIGTERM, a status on each line
//	workload pod DIRECTORY ARGS...   the same program in a private mount namespace, with the volume at /volume
//	workload verify DIRECTORY        reads a last status from standard input and looks for its records
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("use: workload run|pod|verify DIRECTORY")
	}
	switch command, dir := args[0], args[1]; command {
	case "run":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		return work(ctx, dir, os.Stdout)
	case "pod":
		return enterPod(dir, args[2:])
	case "verify":
		var last tally.Status
		if err := json.NewDecoder(os.Stdin).Decode(&last); err != nil {
			return fmt.Errorf("read the last status: %w", err)
		}
		return json.NewEncoder(os.Stdout).Encode(verify(dir, last))
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}
