// Command workload uses a volume as applications do, and counts the results: see package tally. Records have a sequence
// number and a checksum, so that lost and damaged records are noticed.
//
//	workload run DIRECTORY [FILE]      makes the directory and uses it until SIGTERM; writes a status on each line
//	workload pod DIRECTORY ARGS...     the same program in a private mount namespace, with the volume at /volume, an emptyDir
//	                                   inside the volume, and a subPath of it elsewhere
//	workload verify DIRECTORY [FILE]   reads a last status and checks its records; writes the status with the lost ones
//
// Statuses are written to standard output and read from standard input, or appended to the file and read from there.
package main

import (
	"errors"
	"fmt"
	"os"
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
		return runIn(dir, args[2:])
	case "pod":
		return enterPod(dir, args[2:])
	case "verify":
		return verifyIn(dir, args[2:])
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}
