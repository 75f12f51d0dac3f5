package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// refused marks the environment of a program to which MOVE_MOUNT_BENEATH is refused.
const refused = "CHAOS_BENEATH_REFUSED=yes"

// withoutBeneath starts this program again, in this process, with MOVE_MOUNT_BENEATH refused to it and to all that it starts. It
// returns nil in that program.
func withoutBeneath() error {
	if slices.Contains(os.Environ(), refused) {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := mounttest.DoWithoutBeneath(); err != nil {
		return fmt.Errorf("refuse MOVE_MOUNT_BENEATH: %w", err)
	}
	return unix.Exec(program, os.Args, append(os.Environ(), refused))
}
