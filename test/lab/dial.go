package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// DialContext connects to an IP address on the lab's network, for an http.Transport in a process on the host.
func (l *Lab) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	pid, err := l.hub.Pid(ctx)
	if err != nil {
		return nil, err
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := dialInside(ctx, pid, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

// dialInside makes the socket on a thread that is in the network of the process. The thread is not unlocked, so it ends
// with the goroutine and nobody else meets it.
func dialInside(ctx context.Context, pid int, network, address string) (net.Conn, error) {
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = space.Close() }()
	runtime.LockOSThread()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter the lab's network: %w", err)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
