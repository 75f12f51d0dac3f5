package volfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The call with which a client fetches its volume file: GETSPEC of GlusterFS's handshake (rpc/rpc-lib/src/protocol-common.h,
// rpc/xdr/src/glusterfs3-xdr.x), an ONC RPC (RFC 5531) with XDR (RFC 4506).
const (
	program   = 14398633
	version   = 2
	procedure = 2 // GF_HNDSK_GETSPEC
)

// maxReply is the maximum size in bytes of a reply, enough for a volume with thousands of bricks.
const maxReply = 16 << 20

// ErrNoAnswer is returned when a server gives no readable volume file.
var ErrNoAnswer = errors.New("the server gives no volume file")

// Fetch gets a volume's file from the glusterd at the other end of conn. It returns at the latest when ctx is done, and does not
// close conn.
func Fetch(ctx context.Context, conn net.Conn, volume string) (file string, err error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(request(volume)); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	reply, err := readRecord(conn)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return parseReply(reply)
}

// request returns the call as one fragment of a record.
func request(volume string) []byte {
	b := []byte{0, 0, 0, 0} // the fragment's length, set below
	for _, word := range []uint32{
		1,                              // xid
		0,                              // call
		2, program, version, procedure, // ONC RPC version 2
		0, 0, 0, 0, // neither credentials nor verifier (AUTH_NONE)
		0, // flags
	} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	b = appendOpaque(b, []byte("/"+volume))
	b = appendOpaque(b, versions())
	const last = 1 << 31
	binary.BigEndian.PutUint32(b, last|uint32(len(b)-4)) //nolint:gosec // a name is short
	return b
}

// versions returns a dictionary (dict_serialize) that states which volume versions the caller supports: all.
func versions() []byte {
	pairs := [][2]string{{"min-op-version", "1"}, {"max-op-version", "999999"}}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(pairs))) //nolint:gosec // there are two
	for _, p := range pairs {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p[0])))   //nolint:gosec // short
		b = binary.BigEndian.AppendUint32(b, uint32(len(p[1])+1)) //nolint:gosec // short
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return b
}

func appendOpaque(b, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(data))) //nolint:gosec // short
	b = append(b, data...)
	return append(b, make([]byte, -len(data)&3)...)
}

// readRecord reads the fragments of a record.
func readRecord(r io.Reader) ([]byte, error) {
	const last = 1 << 31
	var record []byte
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		mark := binary.BigEndian.Uint32(head[:])
		length := int(mark &^ last)
		if length > maxReply-len(record) {
			return nil, fmt.Errorf("its answer is longer than %d bytes", maxReply)
		}
		begin := len(record)
		record = append(record, make([]byte, length)...)
		if _, err := io.ReadFull(r, record[begin:]); err != nil {
			return nil, err
		}
		if mark&last != 0 {
			return record, nil
		}
	}
}

// xdr reads values from a reply, and records whether the reply was too short.
type xdr struct {
	data  []byte
	short bool
}

func (x *xdr) word() uint32 {
	if len(x.data) < 4 {
		x.data, x.short = nil, true
		return 0
	}
	word := binary.BigEndian.Uint32(x.data)
	x.data = x.data[4:]
	return word
}

func (x *xdr) opaque() []byte {
	length := int(x.word())
	if length > len(x.data) {
		x.data, x.short = nil, true
		return nil
	}
	data := x.data[:length]
	x.data = x.data[min(len(x.data), length+-length&3):]
	return data
}

// parseReply returns the volume file in a reply.
func parseReply(reply []byte) (string, error) {
	x := xdr{data: reply}
	_, kind, denied := x.word(), x.word(), x.word() // xid
	x.word()
	x.opaque() // the verifier
	status := x.word()
	result, errno := int32(x.word()), x.word() //nolint:gosec // XDR's int
	file := string(x.opaque())
	switch {
	case x.short, kind != 1:
		return "", fmt.Errorf("%w: its answer cannot be read", ErrNoAnswer)
	case denied != 0, status != 0:
		return "", fmt.Errorf("%w: it refuses the call (%d, %d)", ErrNoAnswer, denied, status)
	case result < 0:
		return "", fmt.Errorf("%w: it has none for this volume (errno %d)", ErrNoAnswer, errno)
	}
	return file, nil
}
