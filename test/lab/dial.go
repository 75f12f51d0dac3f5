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
	return onHub(ctx, l, func() (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, address) })
}

// Listen listens on the hub's loopback interface, for a server in a process on the host.
func (l *Lab) Listen(ctx context.Context) (net.Listener, error) {
	return onHub(ctx, l, func() (net.Listener, error) { return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0") })
}

// onHub makes a socket on a thread in the hub's network namespace.
func onHub[Socket any](ctx context.Context, l *Lab, open func() (Socket, error)) (Socket, error) {
	type result struct {
		socket Socket
		err    error
	}
	pid, err := l.hub.Pid(ctx)
	if err != nil {
		return result{}.socket, err
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.socket, r.err = inNetworkOf(pid, open)
		done <- r
	}()
	r := <-done
	return r.socket, r.err
}

// inNetworkOf opens a socket in the network namespace of a process. The thread stays locked, so that it ends with the goroutine
// and no other goroutine runs on it.
func inNetworkOf[Socket any](pid int, open func() (Socket, error)) (none Socket, err error) {
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return none, err
	}
	defer func() { _ = space.Close() }()
	runtime.LockOSThread()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return none, fmt.Errorf("enter the lab's network: %w", err)
	}
	return open()
}
