package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
)

// recordSize is the same for all records, so that a record's position in a file follows from its number.
const recordSize = 1024

// errWrong is returned if a read succeeds with other bytes than were written.
var errWrong = errors.New("not what was written")

// record returns the record of a number: the number, bytes derived from it, and the checksum of both.
func record(seq int) []byte {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, recordSize), uint64(seq))
	source := rand.NewPCG(uint64(seq), recordSize)
	for len(data) < recordSize-8 {
		data = binary.BigEndian.AppendUint64(data, source.Uint64())
	}
	return binary.BigEndian.AppendUint64(data, uint64(crc32.ChecksumIEEE(data)))
}

// check compares the bytes that were read with the record of a number.
func check(data []byte, seq int) error {
	if bytes.Equal(data, record(seq)) {
		return nil
	}
	if len(data) != recordSize {
		return fmt.Errorf("record %d has %d bytes: %w", seq, len(data), errWrong)
	}
	sum := binary.BigEndian.Uint64(data[recordSize-8:])
	whole := uint64(crc32.ChecksumIEEE(data[:recordSize-8])) == sum
	return fmt.Errorf("record %d has number %d, checksum right: %t: %w", seq, binary.BigEndian.Uint64(data), whole, errWrong)
}
