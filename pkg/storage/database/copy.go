package database

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// Source is a Heketi; *heketi.Client implements it.
type Source interface {
	// DatabaseCopy writes a consistent copy of the database file, or fails.
	DatabaseCopy(ctx context.Context, w io.Writer) error
}

// Copy is a copy of Heketi's database.
type Copy struct {
	Packed  []byte // the file, packed with gzip
	SHA256  string // of the unpacked file
	TakenAt time.Time
	// Unfinished marks a copy that was made before the first setup had completed the database's volume. The cluster's Heketi had
	// not used the database yet.
	Unfinished bool
	// Replace is set if an administrator has asked that the backup replace an existing database.
	Replace bool
}

const (
	// LargestPacked is less than the 1 MiB that a Secret holds, to leave room for its other fields.
	LargestPacked = 1_000_000
	// largestFile bounds the size of an unpacked copy.
	largestFile = 1 << 30
)

// ErrTooLarge is returned when the database does not fit into a Secret.
var ErrTooLarge = errors.New("the database of Heketi does not fit into a Secret")

// MakeCopy copies the database. program is the heketi binary, which reads the copy. MakeCopy returns ErrTooLarge if the
// compressed copy does not fit into a Secret, and ErrUnreadable if Heketi cannot read the copy.
func MakeCopy(ctx context.Context, from Source, program string) (Copy, error) {
	packed := &limited{}
	packer, err := gzip.NewWriterLevel(packed, gzip.BestCompression)
	if err != nil {
		return Copy{}, err
	}
	sum := sha256.New()
	if err = from.DatabaseCopy(ctx, io.MultiWriter(packer, sum)); err == nil {
		err = packer.Close()
	}
	if packed.full {
		return Copy{}, fmt.Errorf("%w: compressed, it has more than %d bytes, and a Secret holds 1 MiB; "+
			"delete volumes that are no longer needed, then make the file smaller with heketi db export and heketi db import while Heketi is down", ErrTooLarge, LargestPacked)
	}
	if err != nil {
		return Copy{}, fmt.Errorf("copy the database of Heketi: %w", err)
	}
	c := Copy{Packed: packed.content.Bytes(), SHA256: hex.EncodeToString(sum.Sum(nil)), TakenAt: time.Now()}
	if err := verify(ctx, program, c); err != nil {
		return Copy{}, fmt.Errorf("check the new copy of Heketi's database: %w; the last backup stays, and the next attempt takes another copy", err)
	}
	return c, nil
}

// limited is a buffer that refuses more than fits into a Secret.
type limited struct {
	content bytes.Buffer
	full    bool
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.content.Len()+len(p) > LargestPacked {
		l.full = true
		return 0, ErrTooLarge
	}
	return l.content.Write(p)
}

// Unpack writes the database file to w. It returns ErrDamaged if the file's checksum is not c.SHA256.
func (c Copy) Unpack(w io.Writer) error {
	unpacker, err := gzip.NewReader(bytes.NewReader(c.Packed))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	sum := sha256.New()
	file := &checked{to: w}
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(unpacker, largestFile+1))
	switch {
	case file.err != nil:
		return file.err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case n > largestFile:
		return fmt.Errorf("%w: unpacked, it has more than %d bytes", ErrDamaged, largestFile)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != c.SHA256 {
		return fmt.Errorf("%w: its sha256 is %s and not %s", ErrDamaged, got, c.SHA256)
	}
	return nil
}

// checked remembers the error of the writer, so that an error of the disk is not taken for a damaged copy.
type checked struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (c *checked) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.err = err
	return n, err
}

// ErrDamaged is returned when a backup is not complete, or is not a database.
var ErrDamaged = errors.New("the backup is damaged")
