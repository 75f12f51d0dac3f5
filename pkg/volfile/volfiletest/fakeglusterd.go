// Package volfiletest is a fake glusterd that serves volume files. The test opens the listener, calls Serve in a goroutine, and
// closes the listener to stop it. The fake glusterd always answers at once and without an error; Reply returns such an answer,
// for tests that send it damaged or late.
package volfiletest

import (
	"encoding/binary"
	"io"
	"net"
)

const last = 1 << 31 // marks the last fragment of a record (RFC 5531, section 11)

// Serve answers every call with the volume file that the function file returns. It returns the listener's error when the listener
// is closed; open connections are still served. Each call must be one fragment. Calls on different connections call file
// concurrently.
func Serve(listener net.Listener, file func() string) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for answer(conn, file) == nil {
				continue
			}
		}()
	}
}

func answer(conn net.Conn, file func() string) error {
	var head [8]byte // the fragment's header, and the number of the call
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	length := int64(binary.BigEndian.Uint32(head[:]) &^ last)
	if _, err := io.CopyN(io.Discard, conn, length-4); err != nil {
		return err
	}
	reply := Reply(file())
	copy(reply, head[4:])
	mark := binary.BigEndian.AppendUint32(nil, last|uint32(len(reply)))
	_, err := conn.Write(append(mark, reply...))
	return err
}

// Reply returns a reply with a volume file, as glusterd sends it to call number 0.
func Reply(file string) []byte {
	var b []byte
	for _, word := range []uint32{
		0, 1, 0, 0, 0, 0, // a reply, accepted, without verifier, success
		uint32(len(file)), 0, // result, errno
		uint32(len(file)),
	} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	b = append(b, file...)
	b = append(b, make([]byte, -len(file)&3)...)
	return append(b, 0, 0, 0, 0) // no dictionary
}
