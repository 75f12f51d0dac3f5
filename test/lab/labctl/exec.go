package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// administer runs a program as the cluster's administrator.
func administer(ctx context.Context, dir string, args []string) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("usage: labctl kube PROGRAM [ARG...]")
	}
	c, err := kubernetes.OpenIn(dir)
	if err != nil {
		return 1, err
	}
	return wait(c.Command(context.WithoutCancel(ctx), args[0], args[1:]...))
}

func execute(ctx context.Context, dir string, args []string) (int, error) {
	if len(args) > 1 && args[1] == "--" {
		args = append(args[:1], args[2:]...)
	}
	if len(args) < 2 {
		return 2, errors.New("usage: labctl exec MACHINE -- PROGRAM [ARG...]")
	}
	l, err := lab.Open(dir)
	if err != nil {
		return 1, err
	}
	m, err := machineOf(l, args[0])
	if err != nil {
		return 1, err
	}
	return wait(m.Command(context.WithoutCancel(ctx), args[1], args[2:]...))
}

// wait stays the program's parent and forwards signals to it, so that the program never becomes an orphan. It returns the
// program's exit status as a shell would.
func wait(cmd *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = lab.Signal(cmd, sig.(syscall.Signal))
		case err := <-done:
			return exitStatus(err)
		}
	}
}

func exitStatus(err error) (int, error) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
