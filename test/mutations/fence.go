package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/test/mutations/switches"
)

const (
	// fenced is the first argument of this program if it is to become a fenced test binary.
	fenced = "fenced"
	// workplace is the path at which a fenced test binary sees the only directory that it may write to. The path is short,
	// because sockets are made below it, and it exists on every machine.
	workplace = "/mnt"
	// noFence is the exit status if the fence could not be set up; tests end with 0, 1 or 2.
	noFence = 125
)

// enter runs the binary in a new mount namespace and a new process namespace, because a mutant may kill the wrong process, and
// unmount or delete the wrong directory. The binary reaches only its own processes, and writes only below dir and below build,
// where Heketi is built.
func enter(dir, build, binary string, args []string) error {
	writable := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	if err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount(dir, workplace, "", unix.MS_BIND, ""),
		unix.Mount(build, build, "", unix.MS_BIND, ""),
		unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}),
		unix.MountSetattr(unix.AT_FDCWD, workplace, 0, writable),
		unix.MountSetattr(unix.AT_FDCWD, build, 0, writable),
		unix.Mount("proc", "/proc", "proc", 0, ""),
	); err != nil {
		return fmt.Errorf("the fence around a test: %w", err)
	}
	return fmt.Errorf("starting %s: %w", binary, syscall.Exec(binary, append([]string{binary}, args...), os.Environ()))
}

// outcome is the result of a run of tests.
type outcome struct {
	passed  bool
	hung    bool
	took    time.Duration
	reached []byte // one byte per mutant
	output  []byte
}

// removeAll removes a directory in which mutants may have left immutable directories.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	return errors.Join(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = mount.Unseal(path)
		}
		return err
	}), os.RemoveAll(dir))
}

// run runs some tests of a suite with one mutant on, or with none if mutant is negative.
func (s suite) run(ctx context.Context, dir string, on, mutants int, pattern string, limit time.Duration) (o outcome, err error) {
	dir, err = os.MkdirTemp(dir, "run-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, removeAll(dir)) }()
	reached := filepath.Join(dir, "reached")
	if err := os.WriteFile(reached, make([]byte, mutants), 0o600); err != nil {
		return o, err
	}
	const grace = 5 * time.Second // time to print the stack of a test that hangs
	ctx, cancel := context.WithTimeout(ctx, limit+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", fenced, dir, s.build, s.binary,
		"-test.run="+pattern, "-test.failfast", "-test.timeout="+limit.String())
	var output bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &output, &output
	cmd.Env = append(os.Environ(), "TMPDIR="+workplace, switches.Reached+"="+filepath.Join(workplace, filepath.Base(reached)), switches.On+"="+strconv.Itoa(on))
	// A separate session, because a signal to process 0 reaches the whole process group, across namespaces.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = grace
	began := time.Now()
	runErr := cmd.Run()
	o.took, o.output = time.Since(began), output.Bytes()
	var exit *exec.ExitError
	if runErr != nil && !errors.As(runErr, &exit) && !errors.Is(runErr, exec.ErrWaitDelay) {
		return o, runErr
	}
	if exit != nil && exit.ExitCode() == noFence {
		return o, errors.New(output.String())
	}
	o.passed = runErr == nil
	o.hung = o.took >= limit
	o.reached, err = os.ReadFile(reached)
	return o, err
}
