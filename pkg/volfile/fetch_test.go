package volfile

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile/volfiletest"
)

// words returns XDR words.
func words(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// fragments returns a record made of these fragments.
func fragments(parts ...[]byte) []byte {
	var b []byte
	for i, part := range parts {
		mark := uint32(len(part))
		if i == len(parts)-1 {
			mark |= 1 << 31
		}
		b = append(append(b, words(mark)...), part...)
	}
	return b
}

// fetchFrom answers a call with a reply, and returns the result of Fetch.
func fetchFrom(t *testing.T, reply []byte) (string, error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	asked := make(chan []byte, 1)
	go func() {
		defer far.Close()
		call, _ := readRecord(far)
		asked <- call
		_, _ = far.Write(reply)
	}()
	file, err := Fetch(t.Context(), near, "vol")
	if call := <-asked; !strings.Contains(string(call), "/vol") || len(call)%4 != 0 {
		t.Errorf("the call is %q", call)
	}
	return file, err
}

func TestFetch(t *testing.T) {
	whole := volfiletest.Reply(good)
	for name, reply := range map[string][]byte{"one fragment": fragments(whole), "three": fragments(whole[:7], nil, whole[7:])} {
		if file, err := fetchFrom(t, reply); err != nil || file != good {
			t.Errorf("%s: %v, %q", name, err, file)
		}
	}
	for says, reply := range map[string][]byte{
		"EOF":                    nil,
		"unexpected EOF":         fragments(whole)[:50],
		"its answer is longer":   words(1<<31 | maxReply + 1),
		"its answer cannot":      fragments(whole[:30]),
		"refuses the call (1, ":  fragments(words(1, 1, 1, 0, 0, 0, 0, 0, 0, 0)),
		"refuses the call (0, 1": fragments(words(1, 1, 0, 0, 0, 1, 0, 0, 0, 0)),
		"errno 2":                fragments(words(1, 1, 0, 0, 0, 0, ^uint32(0), 2, 0, 0)),
	} {
		if file, err := fetchFrom(t, reply); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), says) || file != "" {
			t.Errorf("%v, %q, want %q", err, file, says)
		}
	}
}

// TestFetchEndsWithItsContext: Fetch also returns if a server accepts and stays silent.
func TestFetchEndsWithItsContext(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Fetch(ctx, near, "vol"); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
}

func FuzzReply(f *testing.F) {
	f.Add(fragments(volfiletest.Reply(good)))
	f.Add(words(0, 0, 1<<31|4, 7))
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := readRecord(strings.NewReader(string(data)))
		if err == nil {
			_, err = parseReply(record)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Error(err)
		}
	})
}
