package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// startHub starts the process on which all others depend. The hub survives this process unless endWithCaller is set.
func (l *Lab) startHub(ctx context.Context, endWithCaller bool) error {
	log, err := os.OpenFile(l.layout.Path("log", machine.Hub, "init.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	ready, readyW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = ready.Close() }()

	cmd := exec.CommandContext(context.WithoutCancel(ctx), l.setup.Labctl, l.layout.InitArgs(machine.Hub)...)
	cmd.Dir = "/"
	cmd.Env = machine.Environ(l.layout)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{readyW}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // so that the caller alone receives ctrl-C
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS,
	}
	if endWithCaller {
		leash, err := newLeash()
		if err != nil {
			_ = readyW.Close()
			return err
		}
		defer func() { _ = leash.Close() }()
		cmd.Args = append(cmd.Args, "--leash")
		cmd.ExtraFiles = append(cmd.ExtraFiles, leash)
	}
	err = cmd.Start()
	_ = readyW.Close()
	if err != nil {
		return fmt.Errorf("start the hub (does this kernel and container allow new namespaces?): %w", err)
	}
	go func() { _ = cmd.Wait() }() // reaps the hub if the lab ends before this process
	text, err := io.ReadAll(ready)
	if err != nil {
		return err
	}
	if len(text) > 0 {
		return errors.New(string(text))
	}
	if _, err := l.hub.Pid(ctx); err != nil {
		return fmt.Errorf("the hub ended at once, see %s: %w", log.Name(), err)
	}
	return nil
}

// newLeash returns the read end of a pipe. The write end stays a bare file descriptor, so that it is closed only by the kernel,
// when this process ends: the garbage collector would close an os.File earlier.
func newLeash() (*os.File, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(ends[0]), "leash"), nil
}

// startMachines boots all machines, and concurrently starts the other services.
func (l *Lab) startMachines(ctx context.Context, more ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := 1; i <= StorageNodes; i++ {
		group.Go(func() error { return l.Storage(i).Start(ctx) })
	}
	for i := 1; i <= ClientNodes; i++ {
		group.Go(func() error { return l.Node(i).Start(ctx) })
	}
	for _, start := range more {
		group.Go(func() error { return start(ctx) })
	}
	return group.Wait()
}
