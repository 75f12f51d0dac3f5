package volume

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeGlusterd answers the gluster command on a socket, and records its requests. It implements ONC RPC version 2 (RFC 5531) with
// record marking, and gluster's dictionaries (glusterfs: rpc/xdr/src/cli1-xdr.x, libglusterfs/src/dict.c).
type fakeGlusterd struct {
	socket string

	mu       sync.Mutex
	requests map[string]map[string]string // by volume
}

// asked returns the last request about a volume.
func (g *fakeGlusterd) asked(name string) map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests[name]
}

func newFakeGlusterd(tb testing.TB) *fakeGlusterd {
	tb.Helper()
	g := &fakeGlusterd{socket: filepath.Join(tb.TempDir(), "glusterd.socket"), requests: map[string]map[string]string{}}
	listener, err := net.Listen("unix", g.socket)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for g.answer(conn) == nil {
				}
			}()
		}
	}()
	return g
}

// answer reads one call and answers that it succeeded.
func (g *fakeGlusterd) answer(conn net.Conn) error {
	var mark uint32
	if err := binary.Read(conn, binary.BigEndian, &mark); err != nil {
		return err
	}
	record := make([]byte, mark&^(1<<31))
	if _, err := io.ReadFull(conn, record); err != nil {
		return err
	}
	call := bytes.NewBuffer(record)
	header := words(call, 6) // id, call, version of RPC, program, its version, procedure
	for range 2 {            // credentials and verifier
		length := words(call, 2)[1]
		call.Next(int(length+3) &^ 3)
	}
	length := words(call, 1)[0]
	asked, err := dictionary(bytes.NewBuffer(call.Next(int(length))))
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.requests[asked["volname"]] = asked
	g.mu.Unlock()
	// Id, reply, accepted, verifier of two words, success; of gluster: result, errno, an empty message, a dictionary of
	// four bytes without pairs.
	reply := []uint32{1<<31 | 44, header[0], 1, 0, 0, 0, 0, 0, 0, 0, 4, 0}
	return binary.Write(conn, binary.BigEndian, reply)
}

func words(b *bytes.Buffer, count int) []uint32 {
	read := make([]uint32, count)
	_ = binary.Read(b, binary.BigEndian, read) // zeros, if there are none
	return read
}

func dictionary(b *bytes.Buffer) (map[string]string, error) {
	pairs := map[string]string{}
	for range words(b, 1)[0] {
		lengths := words(b, 2)
		key, value := b.Next(int(lengths[0])+1), b.Next(int(lengths[1]))
		if len(key) == 0 {
			return nil, errors.New("the dictionary ends early")
		}
		pairs[strings.TrimRight(string(key), "\x00")] = strings.TrimRight(string(value), "\x00")
	}
	return pairs, nil
}
