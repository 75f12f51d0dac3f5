package fusequery

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Argument is the first command line argument of a child.
const Argument = "fuse-query"

// IsChild reports whether args is the command line of a child. A child must call Serve and do nothing else.
func IsChild(args []string) bool { return len(args) == 2 && args[1] == Argument }

// socket is the descriptor of the connection that the child is started with.
const socket = 3

// Serve answers the questions of the process that started this one, until that process ends. It returns the exit status.
func Serve(stderr io.Writer) int {
	conn, err := connection(os.NewFile(socket, "socket"))
	if err == nil {
		err = sendPacket(conn, answer{}, nil)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s is an internal command that only the driver starts: %v\n", Argument, err)
		return 2
	}
	_ = os.WriteFile("/proc/self/comm", []byte(Argument), 0) // for ps, which would show "exe"
	buf := make([]byte, maxPacket)
	for {
		var asked request
		file, err := receivePacket(conn, buf, &asked)
		if err != nil {
			return 0
		}
		go respond(conn, asked, file)
	}
}

// patience is how long a question waits for its answer before the child reports which thread waits for it.
const patience = 5 * time.Millisecond

// respond sends the answer to one request.
func respond(conn *net.UnixConn, asked request, file *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := unix.Gettid()
	waiting := time.AfterFunc(patience, func() { _ = sendPacket(conn, answer{ID: asked.ID, Thread: thread}, nil) })
	got, opened := reply(asked, file)
	waiting.Stop()
	if file != nil {
		_ = file.Close()
	}
	err := sendPacket(conn, got, opened)
	if errors.Is(err, unix.EMSGSIZE) {
		_ = sendPacket(conn, answer{ID: asked.ID, Failure: failureOf(err)}, nil)
	}
	if opened != nil {
		_ = opened.Close()
	}
}

// reply asks the client. It blocks as long as the client does.
func reply(asked request, file *os.File) (got answer, opened *os.File) {
	var err error
	switch asked.Kind {
	case kindGetattr:
		got.Device, err = getattr(asked.Path)
	case kindEnded:
		got.Ended, err = clientEnded(asked.Path, unix.Lgetxattr)
	case kindEndedAt:
		got.Ended, err = clientEndedAt(file)
	case kindStatfs:
		got.Stats, err = statfs(asked.Path, asked.Device)
	case kindOpenMeta:
		opened, err = openMeta(asked.Path, asked.Name, asked.Device)
	case kindReadMeta:
		got.Health, err = askMeta(file, readHealth)
	case kindReadGraph:
		got.Graph, err = askMeta(file, readGraph)
	case kindGraph:
		got.Path, err = activeGraph(file)
	case kindOpen:
		opened, err = openBelow(file, asked.Path, asked.Mounts)
	case kindChanged:
		got.Names, err = changedSince(file, asked.Path, time.Unix(0, asked.Since), asked.Most)
	case kindSymlinks:
		got.Path, err = filepath.EvalSymlinks(asked.Path)
	default:
		err = fmt.Errorf("question %q: not known", asked.Kind)
	}
	got.ID, got.Failure = asked.ID, failureOf(err)
	return got, opened
}
