package main

import (
	"errors"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest/beneath"
)

// disguises returns the commands that run a program as if the machine were another one.
func disguises() map[string]func() error {
	return map[string]func() error{"before-6.5": beneath.Refuse, "cgroup-v2": cgroupV2}
}

// become replaces this process by a program, after it has prepared the process. The program's first argument is its absolute path.
func become(prepare func() error, args []string) error {
	if len(args) == 0 {
		return errors.New("name the program, after the command")
	}
	runtime.LockOSThread()
	if err := prepare(); err != nil {
		return err
	}
	return unix.Exec(args[0], args, os.Environ())
}

// cgroupV2 covers this process's /proc/PID/cgroup with a file that has only the line of cgroup v2. The mount disappears with the
// process.
func cgroupV2() error {
	const path = "/proc/self/cgroup"
	groups, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var line string
	for l := range strings.Lines(string(groups)) {
		if strings.HasPrefix(l, "0::") {
			line = l
		}
	}
	if line == "" {
		return errors.New("this machine has no cgroup v2")
	}
	file, err := os.CreateTemp("", "cgroup-v2-")
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = unix.Mount(file.Name(), path, "", unix.MS_BIND, "")
	}
	return errors.Join(err, os.Remove(file.Name()))
}
