// Package machine implements the inside of the lab's machines: the init process of each, which sets up mounts and network, starts
// and reaps processes and takes orders over a unix socket, and the client of that socket.
//
// The hub is the first machine. It has the bridge, and it is the parent of the other machines, whose PID namespaces lie within
// its own. The whole lab therefore depends on one process: when it is killed, the kernel ends every process, mount and network of
// the lab.
package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const (
	readyFD = 3 // on which the init reports that it is ready, or why it cannot be
	leashFD = 4 // see Init
)

// Init is the main program of a machine's init. It returns only if the machine cannot be set up, after it has written the reason
// to file descriptor 3.
//
// File descriptor 4 is the leash. The init of an ordinary machine waits for a byte from it, which the hub sends after connecting
// the network cable. If the hub has a leash, it ends the lab when the leash is closed.
func Init(dir, name, ip string, leashed bool) error {
	syscall.CloseOnExec(readyFD)
	ready := os.NewFile(readyFD, "ready")
	err := run(Layout{Dir: dir}, name, ip, leashed, ready)
	if err != nil {
		err = fmt.Errorf("machine %s: %w", name, err)
		_, _ = io.WriteString(ready, err.Error())
	}
	return err
}

func run(layout Layout, name, ip string, leashed bool, ready io.WriteCloser) error {
	if os.Getpid() != 1 {
		return errors.New("not the first process of a PID namespace; labctl starts machines itself")
	}
	services := newServices()
	server := &Server{layout: layout, name: name, services: services, delays: delays{relays: map[string]*relay{}}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	var leash *os.File
	if leashed {
		syscall.CloseOnExec(leashFD)
		leash = os.NewFile(leashFD, "leash")
	}
	if name != Hub {
		if _, err := leash.Read(make([]byte, 1)); err != nil {
			return fmt.Errorf("hub has gone: %w", err)
		}
		_ = leash.Close()
	}
	if err := setUp(layout, name, ip); err != nil {
		return err
	}
	go func() { // only after the set-up: os/exec itself waits for the programs of the set-up
		for {
			services.reap()
			<-children
		}
	}()
	listener, err := server.listen()
	if err != nil {
		return err
	}
	if name == Hub && leashed {
		go server.endWith(leash)
	}
	_ = ready.Close()
	return server.serve(listener)
}

func setUp(layout Layout, name, ip string) error {
	if err := setUpCommon(layout, name); err != nil {
		return err
	}
	if name == Hub {
		return setUpBridge()
	}
	if err := setUpLink(ip); err != nil {
		return err
	}
	if err := coverPrograms(layout, name); err != nil {
		return err
	}
	switch {
	case isBareStorage(layout, name):
		return setUpBareStorage(layout, name)
	case strings.HasPrefix(name, "storage"):
		return setUpStorage(layout, name)
	case isWorker(layout, name):
		return setUpWorker(layout, name)
	}
	return nil
}
