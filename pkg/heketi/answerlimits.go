package heketi

import (
	"encoding/json"
	"fmt"
	"io"
)

// A malicious Heketi, or another server in its place, must not use up the memory of the controller, which serves other backends
// as well. These bounds are several times the sizes of real answers.
const (
	largestAnswer = 4 << 20  // a volume of 32 bricks takes 10 KiB; a dump is streamed
	largestText   = 16 << 10 // the text of an error
	largestStream = 1 << 30  // 5,000 volumes take some 20 MiB in a dump, and as much for each node in an examination
	largestEntry  = 32 << 20 // one entry of a stream; the largest is the list of volumes of a node
	mostMembers   = 300_000  // in one object or array of a stream; 5,000 volumes have at most 160,000 bricks
)

var errManyMembers = fmt.Errorf("a part of it has more than %d entries, which no Heketi has", mostMembers)

func errTooLarge(what string, limit int64) error {
	return fmt.Errorf("%s is larger than %d MiB, which no Heketi sends", what, limit>>20)
}

// streamReader bounds a stream, and also each of its entries, because the decoder keeps the bytes that it has not decoded yet.
type streamReader struct {
	reader  io.Reader
	decoder *json.Decoder
	read    int64
}

// newStreamDecoder returns a decoder that fails on a stream or an entry that is too large.
func newStreamDecoder(r io.Reader) *json.Decoder {
	reader := &streamReader{reader: r}
	reader.decoder = json.NewDecoder(reader)
	return reader.decoder
}

// Read implements io.Reader.
func (s *streamReader) Read(p []byte) (int, error) {
	switch {
	case s.read > largestStream:
		return 0, errTooLarge("it", largestStream)
	case s.read-s.decoder.InputOffset() > largestEntry:
		return 0, errTooLarge("a part of it", largestEntry)
	}
	n, err := s.reader.Read(p)
	s.read += int64(n)
	return n, err
}
