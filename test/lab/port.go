package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Port is a TCP port that is held: the kernel gives it to no program that asks for any free port. A server that asks for this
// number gets it, such as Heketi, which cannot choose a port itself. The server may end and start again; in between, connections
// are refused.
type Port struct {
	// Number is the decimal number.
	Number string

	held *os.File // a socket that is bound and does not listen
}

// HoldPort returns a port that was free. Its socket is bound and does not listen. The kernel lets another socket bind the same
// address if both have SO_REUSEADDR, which Go's listeners have, but never chooses the port for a program that asks for any port.
func HoldPort() (*Port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("hold a port: %w", os.NewSyscallError("socket", err))
	}
	p := &Port{held: os.NewFile(uintptr(fd), "held port")}
	err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{})) // all addresses, as Heketi
	}
	var name unix.Sockaddr
	if err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		return nil, fmt.Errorf("hold a port: %w", errors.Join(err, p.Close()))
	}
	p.Number = strconv.Itoa(name.(*unix.SockaddrInet4).Port)
	return p, nil
}

// Address returns the port's address on the loopback interface.
func (p *Port) Address() string { return net.JoinHostPort("127.0.0.1", p.Number) }

// Close gives the port back. A server that listens there is not affected.
func (p *Port) Close() error { return p.held.Close() }
