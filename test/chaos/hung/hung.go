// Package hung makes the client of a gluster volume hang in a request that the kernel cannot interrupt. While the client hangs,
// all bricks of the volume are stopped, so nothing else may use the volume.
package hung

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// Hang makes the client of a gluster volume on a machine hang until wake is called. It stops the bricks first, and then the
// client. The client has then read a request that it could not answer, and the kernel cannot interrupt such a request. Hang calls
// ask repeatedly until wake; ask queries the node plugin about the volume, as the kubelet does.
func Hang(ctx context.Context, l *lab.Lab, node *lab.Machine, volume string, ask func(context.Context)) (wake func(error) error, err error) {
	awake := context.WithoutCancel(ctx)
	if err := signalBricks(ctx, l, volume, syscall.SIGSTOP); err != nil {
		return func(err error) error { return errors.Join(err, signalBricks(awake, l, volume, syscall.SIGCONT)) }, err
	}
	asking, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for asking.Err() == nil {
			ask(asking)
			sleep(asking, 100*time.Millisecond)
		}
	}()
	wake = func(err error) error {
		stop()
		<-ended
		return errors.Join(err, Signal(awake, node, volume, "CONT"), signalBricks(awake, l, volume, syscall.SIGCONT))
	}
	sleep(ctx, 500*time.Millisecond) // for the first request
	return wake, Signal(ctx, node, volume, "STOP")
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Signal sends a signal to the clients of a gluster volume on a machine.
func Signal(ctx context.Context, node *lab.Machine, volume, signal string) error {
	clients, err := outside.Clients(ctx, node, volume)
	if err == nil && len(clients) == 0 {
		err = errors.New("volume " + volume + " has no client")
	}
	for _, client := range clients {
		_, killErr := node.Output(ctx, "kill", "-s", signal, client.PID)
		err = errors.Join(err, killErr)
	}
	return err
}

// signalBricks sends a signal to the running bricks of a volume.
func signalBricks(ctx context.Context, l *lab.Lab, volume string, signal syscall.Signal) error {
	for i := 1; i <= lab.StorageNodes; i++ {
		pids, err := l.Storage(i).Processes(ctx, "glusterfsd")
		if err != nil {
			return err
		}
		for _, text := range pids {
			// --volfile-id VOLUME.SERVER.PATH
			if args, _ := os.ReadFile(filepath.Join("/proc", text, "cmdline")); !strings.Contains(string(args), "\x00"+volume+".") {
				continue
			}
			pid, err := strconv.Atoi(text)
			if err == nil {
				err = syscall.Kill(pid, signal)
			}
			if err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	return nil
}
