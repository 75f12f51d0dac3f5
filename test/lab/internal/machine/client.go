package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"

	"golang.org/x/sys/unix"
)

// ErrOff is returned if no process answers at the machine's socket, because the machine does not run.
var ErrOff = errors.New("machine is off")

// Client gives orders to the init of one machine. Each call opens a separate connection, so that a Client still works after the
// machine was switched off and on.
type Client struct {
	Layout Layout
	Name   string
}

func (c Client) dial(ctx context.Context) (*net.UnixConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.Layout.Socket(c.Name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", c.Name, ErrOff, err)
	}
	return conn.(*net.UnixConn), nil
}

// Call calls one method of Server.
func (c Client) Call(ctx context.Context, method string, args, reply any) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	client := rpc.NewClient(conn)
	defer func() { _ = client.Close() }()
	call := client.Go("Machine."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %s: %w", c.Name, method, ctx.Err())
	case <-call.Done:
	}
	if call.Error != nil {
		return fmt.Errorf("%s: %s: %w", c.Name, method, call.Error)
	}
	return nil
}

// Pid returns the process ID of the machine's init in the caller's namespace: the kernel translates the peer's id.
func (c Client) Pid(ctx context.Context) (int, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, fmt.Errorf("%s: pid of the init: %w", c.Name, credErr)
	}
	return int(cred.Pid), nil
}
