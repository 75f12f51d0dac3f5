package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// client is a FUSE client whose bricks are away: files can be opened, and every other request fails.
type client struct {
	dev   int
	stop  atomic.Bool
	asked atomic.Int32 // requests that have failed
	ended chan struct{}
}

// Requests and answers of FUSE, from linux/fuse.h.
const (
	opLookup, opForget, opOpen, opInit = 1, 2, 14, 26

	headerSize                       = 16
	initSize, entrySize, openOutSize = 64, 128, 16
)

// mountClient mounts a client's file system at path. The client ends with the test at the latest.
func mountClient(t *testing.T, path string) *client {
	t.Helper()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{dev: dev, ended: make(chan struct{})}
	if err := unix.Mount("test", path, "fuse.glusterfs", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", dev)); err != nil {
		t.Fatal(err)
	}
	go c.serve()
	t.Cleanup(c.end)
	return c
}

// end ends the client: the kernel answers requests with ENOTCONN from then on.
func (c *client) end() {
	c.stop.Store(true)
	<-c.ended
}

func (c *client) serve() {
	defer close(c.ended)
	defer unix.Close(c.dev)
	buf := make([]byte, 1<<17)
	for !c.stop.Load() {
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(c.dev), Events: unix.POLLIN}}, 10); n < 1 {
			continue
		}
		n, err := unix.Read(c.dev, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT):
			continue
		case err != nil: // unmounted
			return
		}
		opcode, unique := binary.NativeEndian.Uint32(buf[4:n]), buf[8:16]
		switch opcode {
		case opForget: // has no answer
		case opInit:
			out := make([]byte, initSize)
			copy(out, []byte{7, 0, 0, 0, 31})
			copy(out[20:], []byte{0, 0, 1, 0}) // max_write
			c.answer(unique, 0, out)
		case opLookup:
			out := make([]byte, entrySize)
			binary.NativeEndian.PutUint64(out, 2)                          // node
			binary.NativeEndian.PutUint32(out[40+60:], unix.S_IFREG|0o600) // mode in the attributes
			binary.NativeEndian.PutUint32(out[40+64:], 1)                  // links
			c.answer(unique, 0, out)
		case opOpen:
			c.answer(unique, 0, make([]byte, openOutSize))
		default:
			c.asked.Add(1)
			c.answer(unique, unix.ENOTCONN, nil)
		}
	}
}

func (c *client) answer(unique []byte, errno unix.Errno, body []byte) {
	out := make([]byte, headerSize, headerSize+len(body))
	binary.NativeEndian.PutUint32(out, uint32(headerSize+len(body)))
	binary.NativeEndian.PutUint32(out[4:], uint32(-int32(errno)))
	copy(out[8:], unique)
	_, _ = unix.Write(c.dev, append(out, body...)) // an error means that the request was cancelled
}
